// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/guest/image_format.hpp"

#include <array>
#include <string_view>

namespace gm {
namespace {

using namespace std::string_view_literals;

struct Magic {
    std::string_view format;
    std::size_t offset;
    std::string_view bytes;
};

constexpr std::array kMagics{
    Magic{"qcow2", 0, "QFI\xfb\0\0\0\x02"sv},
    Magic{"qcow2", 0, "QFI\xfb\0\0\0\x03"sv},
    Magic{"qcow", 0, "QFI\xfb\0\0\0\x01"sv},
    Magic{"qed", 0, "QED\0"sv},
    Magic{"vmdk", 0, "KDMV"sv},
    Magic{"vmdk", 0, "COWD"sv},
    Magic{"vmdk", 0, "# Disk DescriptorFile"sv},
    Magic{"vdi", 64, "\x7f\x10\xda\xbe"sv},
    Magic{"vhdx", 0, "vhdxfile"sv},
    Magic{"vpc", 0, "conectix"sv},
    Magic{"parallels", 0, "WithoutFreeSpace"sv},
    Magic{"parallels", 0, "WithouFreSpacExt"sv},
    Magic{"cloop", 0, "#!/bin/sh\n#V2.0 Format\nmodprobe cloop"sv},
    Magic{"bochs", 0, "Bochs Virtual HD Image\0"sv},
};

} // namespace

std::string image_format(std::span<const std::byte> head)
{
    const std::string_view text{reinterpret_cast<const char*>(head.data()), head.size()};
    for (const auto& magic : kMagics) {
        if (text.size() > magic.offset && text.substr(magic.offset).starts_with(magic.bytes)) {
            return std::string{magic.format};
        }
    }
    return "raw";
}

bool has_dmg_trailer(std::span<const std::byte> tail)
{
    const std::string_view text{reinterpret_cast<const char*>(tail.data()), tail.size()};
    return text.size() == kDmgTrailerSize && text.starts_with("koly\0\0\0\x04"sv);
}

std::string why_never_written(std::string_view format, std::span<const std::byte> head)
{
    constexpr std::size_t flags = 10; // the third byte of a number, lowest first; its lowest bit: compressed grains
    const std::string_view text{reinterpret_cast<const char*>(head.data()), head.size()};
    if (format == "vmdk" && text.starts_with("KDMV") && text.size() > flags && (text[flags] & 1) != 0) {
        return "a stream-optimized vmdk can only be read";
    }
    if (format == "cloop" || format == "dmg" || format == "bochs") {
        return "the format " + std::string{format} + " can only be read";
    }
    return {};
}

} // namespace gm
