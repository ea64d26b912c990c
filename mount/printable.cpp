// SPDX-License-Identifier: GPL-2.0-or-later
#include "mount/printable.hpp"

#include <nlohmann/json.hpp>

namespace gm::mount {

std::string printable(std::string_view text)
{
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto byte = static_cast<unsigned char>(text[i]);
        const bool c1 = byte == 0xc2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xa0;
        out += byte < 0x20 || byte == 0x7f || c1 ? '?' : text[i];
        i += c1 ? 1 : 0;
    }
    // The library knows what is valid UTF-8.
    const std::string quoted = nlohmann::json(out).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    return nlohmann::json::parse(quoted).get<std::string>();
}

} // namespace gm::mount
