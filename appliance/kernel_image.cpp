// SPDX-License-Identifier: LGPL-2.1-or-later
#include "appliance/kernel_image.hpp"

#include <array>
#include <cstring>

namespace gm::appliance {
namespace {

struct Format {
    std::string_view magic;
    std::array<const char*, 3> argv; // ends at the first null
};
// gzip keeps its own size at the end; behind the others the kernel's build appends four bytes with the unpacked size.
constexpr std::array kFormats{
    Format{{"\xfd"
            "7zXZ",
            5},
           {"xz", "-dc", nullptr}},
    Format{{"\x28\xb5\x2f\xfd", 4}, {"zstd", "-dc", nullptr}},
    Format{{"\x02\x21\x4c\x18", 4}, {"lz4", "-dc", nullptr}},
    Format{{"\x1f\x8b", 2}, {"gzip", "-dc", nullptr}},
    Format{{"BZh", 3}, {"bzip2", "-dc", nullptr}},
};
constexpr std::size_t kAppendedSize = 4;

// Fields of the Linux x86 boot protocol.
constexpr std::size_t kSetupSectors = 0x1f1;
constexpr std::size_t kHeaderMagic = 0x202;
constexpr std::size_t kVersion = 0x206;
constexpr std::size_t kPayloadOffset = 0x248;
constexpr std::size_t kPayloadLength = 0x24c;
constexpr std::size_t kSector = 512;

std::uint32_t little_endian_32(std::string_view bytes, std::size_t at)
{
    std::uint32_t value = 0;
    for (std::size_t i = 4; i > 0; --i) {
        value = value << 8U | static_cast<unsigned char>(bytes[at + i - 1]);
    }
    return value;
}

} // namespace

std::optional<PackedKernel> packed_kernel(std::string_view bz_image)
{
    if (bz_image.size() < kPayloadLength + 4 || bz_image.substr(kHeaderMagic, 4) != "HdrS" ||
        (little_endian_32(bz_image, kVersion) & 0xffffU) < 0x208) { // older ones do not tell where the payload is
        return std::nullopt;
    }
    const std::size_t sectors = static_cast<unsigned char>(bz_image[kSetupSectors]);
    const std::size_t start = ((sectors == 0 ? 4 : sectors) + 1) * kSector + little_endian_32(bz_image, kPayloadOffset);
    const std::size_t length = little_endian_32(bz_image, kPayloadLength);
    if (start > bz_image.size() || length > bz_image.size() - start || length <= kAppendedSize) {
        return std::nullopt;
    }
    auto payload = bz_image.substr(start, length);
    for (const auto& format : kFormats) {
        if (!payload.starts_with(format.magic)) {
            continue;
        }
        PackedKernel packed;
        const bool is_gzip = std::string_view{format.argv.front()} == "gzip";
        packed.payload = is_gzip ? payload : payload.substr(0, payload.size() - kAppendedSize);
        for (const char* word : format.argv) {
            if (word != nullptr) {
                packed.unpack_argv.emplace_back(word);
            }
        }
        return packed;
    }
    return std::nullopt;
}

} // namespace gm::appliance
