// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Headers of LUKS volumes: LUKS On-Disk Format 1.2.3 and LUKS2 On-Disk Format 1.1.1. Only what is plain is understood;
// everything else (a header whose copies differ, a conversion under way, integrity, several segments) is EOPNOTSUPP and
// cryptsetup's business. All bytes are the guest's.
#pragma once

#include "core/base/error.hpp"
#include "core/rpc/types.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace gm::daemon {

// The largest header that is read, both copies of it together.
constexpr std::size_t kMostOfLuksHeader = 2 << 20; // bytes

struct LuksKeyslot {
    rpc::Keyslot keyslot;
    std::uint64_t area_offset = 0; // bytes from the start of the volume
    std::uint64_t area_size = 0;

    bool operator==(const LuksKeyslot&) const = default;
};

// Where and how the volume's content is encrypted.
struct LuksSegment {
    std::string cipher;       // "aes-xts-plain64"
    std::uint64_t offset = 0; // bytes from the start of the volume
    std::uint64_t size = 0;   // bytes; 0: to the end
    std::uint64_t first_iv = 0;
    std::uint32_t sector_size = 512;
    bool discards = false; // are handed through

    bool operator==(const LuksSegment&) const = default;
};

struct LuksHeader {
    std::uint32_t version = 0;
    std::uint32_t key_size = 0;        // of the volume key, bytes
    std::vector<LuksKeyslot> keyslots; // the preferred ones first
    LuksSegment segment;

    bool operator==(const LuksHeader&) const = default;
};

// `bytes` is the start of the volume, kMostOfLuksHeader bytes of it if there are as many.
Result<LuksHeader> parse_luks_header(std::string_view bytes);

// Reads it from a device.
Result<LuksHeader> read_luks_header(const std::string& path);

} // namespace gm::daemon
