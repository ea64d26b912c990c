// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/attr.hpp"

#include "core/base/syscall.hpp"

#include <algorithm>
#include <fcntl.h>
#include <sys/sysmacros.h>

namespace gm::daemon {
namespace {

rpc::Timestamp to_timestamp(const struct statx_timestamp& time)
{
    // A damaged inode can hold any number: the host takes a timestamp of more than a second as a broken protocol.
    return {.seconds = time.tv_sec, .nanoseconds = std::min(time.tv_nsec, 999'999'999U)};
}

} // namespace

std::uint64_t device_of(const struct statx& status)
{
    return makedev(status.stx_dev_major, status.stx_dev_minor);
}

ObjectIdentity identity_of(const struct statx& status)
{
    return {.device = device_of(status), .ino = status.stx_ino, .mount = status.stx_mnt_id};
}

Result<struct statx> status_of(int fd, const char* leaf)
{
    struct statx status;
    const int flags = AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | (*leaf == '\0' ? AT_EMPTY_PATH : 0);
    GM_TRY(sys([&] { return ::statx(fd, leaf, flags, STATX_BASIC_STATS | STATX_BTIME | STATX_MNT_ID, &status); },
               "statx"));
    return status;
}

void FilesystemNumbers::start_with(std::uint64_t root_device)
{
    devices_.with([&](auto& devices) { devices.assign(1, root_device); });
}

std::uint32_t FilesystemNumbers::number_of(std::uint64_t device)
{
    return devices_.with([&](auto& devices) {
        const auto found = std::ranges::find(devices, device);
        const auto number = static_cast<std::uint32_t>(found - devices.begin());
        if (found == devices.end()) {
            devices.push_back(device);
        }
        return number;
    });
}

bool tells_fixed(const struct statx& status)
{
    constexpr std::uint64_t kBoth = STATX_ATTR_IMMUTABLE | STATX_ATTR_APPEND;
    return (status.stx_attributes_mask & kBoth) == kBoth;
}

rpc::Attr to_attr(const struct statx& status, std::uint32_t filesystem)
{
    return {.ino = status.stx_ino,
            .filesystem = filesystem,
            .mode = status.stx_mode,
            .nlink = status.stx_nlink,
            .uid = status.stx_uid,
            .gid = status.stx_gid,
            .rdev_major = status.stx_rdev_major,
            .rdev_minor = status.stx_rdev_minor,
            .block_size = status.stx_blksize,
            .size = status.stx_size,
            .blocks = status.stx_blocks,
            .atime = to_timestamp(status.stx_atime),
            .mtime = to_timestamp(status.stx_mtime),
            .ctime = to_timestamp(status.stx_ctime),
            .btime = (status.stx_mask & STATX_BTIME) != 0 ? to_timestamp(status.stx_btime) : rpc::Timestamp{},
            .fixed = !tells_fixed(status) || (status.stx_attributes & (STATX_ATTR_IMMUTABLE | STATX_ATTR_APPEND)) != 0};
}

} // namespace gm::daemon
