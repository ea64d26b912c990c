// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The subvolumes of a mounted btrfs, by the tree search of btrfs-ioctl(2). Any thread.
#pragma once

#include "core/base/error.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace gm::daemon {

struct Subvolume {
    std::uint64_t id = 0;
    std::string path;      // from the top of the file system
    bool snapshot = false; // made from another subvolume
    bool is_default = false;

    bool operator==(const Subvolume&) const = default;
};

// `folder` lies anywhere in the file system. Sorted by path, the first kMostSubvolumes; the top itself is not among
// them. ENOTTY: no btrfs.
Result<std::vector<Subvolume>> list_subvolumes(const std::string& folder);

constexpr std::size_t kMostSubvolumes = 4096;

} // namespace gm::daemon
