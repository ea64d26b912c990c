// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What libblkid finds on a block device. Any thread.
#pragma once

#include "core/base/error.hpp"

#include <cstdint>
#include <string>
#include <vector>

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

struct Partition {
    std::uint32_t number = 0;
    std::uint64_t start = 0; // bytes
    std::string uuid;        // of the partition itself; for MBR the disk's number and the partition's
    std::string label;       // of the partition itself, GPT only
    std::string type;        // GPT: a UUID

    bool operator==(const Partition&) const = default;
};

struct PartitionTable {
    std::string type; // "gpt", "dos" ...; empty: there is none
    std::string id;   // GPT: a UUID; MBR: 8 hexadecimal digits
    std::vector<Partition> partitions;
};

// ENOENT, ENXIO, EIO.
Result<PartitionTable> probe_partitions(const std::string& device);

} // namespace gm::daemon
