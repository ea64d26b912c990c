// SPDX-License-Identifier: LGPL-2.1-or-later
#include "appliance/module_file.hpp"

#include <cstddef>
#include <cstdint>

namespace gm::appliance {

std::string_view without_signature(std::string_view module)
{
    // module, signature, 12 bytes of which the last four are the signature's length (big endian), this text
    constexpr std::string_view kMark = "~Module signature appended~\n";
    constexpr std::size_t kDescription = 12;
    if (!module.ends_with(kMark) || module.size() < kMark.size() + kDescription) {
        return module;
    }
    const auto rest = module.substr(0, module.size() - kMark.size());
    std::uint32_t length = 0;
    for (std::size_t i = 4; i > 0; --i) {
        length = length << 8U | static_cast<unsigned char>(rest[rest.size() - i]);
    }
    const auto body = rest.substr(0, rest.size() - kDescription);
    return length <= body.size() ? body.substr(0, body.size() - length) : module;
}

} // namespace gm::appliance
