// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A btrfs on several devices: the kernel mounts it once it was told of each of them. Any thread, one at a time.
#pragma once

#include "core/base/error.hpp"
#include "daemon/devices.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace gm::daemon {

struct BtrfsMember {
    std::string filesystem; // 16 bytes, the same for all its devices
    std::uint64_t number = 0;
    std::uint64_t devices = 0; // that the file system has

    bool operator==(const BtrfsMember&) const = default;
};

// What the superblock says: kBtrfsSuperblockSize bytes from kBtrfsSuperblockAt. Nothing: it is none.
constexpr std::uint64_t kBtrfsSuperblockAt = 65536;
constexpr std::size_t kBtrfsSuperblockSize = 4096;
std::optional<BtrfsMember> parse_btrfs_superblock(std::string_view block);

struct BtrfsDevices {
    std::string options; // for the mount, without `device=`
    std::string missing; // a part of a sentence, when not all devices are there
};
// Tells the kernel of all devices of the file system on `path`, a device that the kernel knows. `options` may choose
// among copies by the user's names: device=/dev/sdb. EEXIST: there are copies and none is chosen.
Result<BtrfsDevices> gather_btrfs_devices(const std::string& path, std::string_view options, Devices& devices);

} // namespace gm::daemon
