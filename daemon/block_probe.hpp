// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What libblkid finds on a block device. Any thread.
#pragma once

#include "core/base/error.hpp"

#include <cstdint>
#include <string>

namespace gm::daemon {

struct BlockContent {
    std::string type;    // "ext4", "swap", "LVM2_member" ...; empty when nothing is recognised
    std::string usage;   // "filesystem", "raid", "crypto", "other"
    std::string version; // of the format, where there are several
    std::string label;
    std::string uuid;
    std::uint64_t size = 0; // of the device, bytes
    bool ambiguous = false; // traces of several formats

    bool operator==(const BlockContent&) const = default;
};

// `device` is a path that the kernel knows. ENOENT, ENXIO, EIO.
Result<BlockContent> probe(const std::string& device);

} // namespace gm::daemon
