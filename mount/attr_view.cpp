// SPDX-License-Identifier: GPL-2.0-or-later
#include "mount/attr_view.hpp"

#include <sys/sysmacros.h>

namespace gm::mount {
namespace {

timespec show_time(const rpc::Timestamp& time)
{
    return {.tv_sec = time.seconds, .tv_nsec = static_cast<long>(time.nanoseconds)};
}

} // namespace

struct stat AttrView::show(const rpc::Attr& attr, std::uint64_t number) const
{
    struct stat shown = {};
    shown.st_ino = number;
    shown.st_mode = umask ? (attr.mode & S_IFMT) | (0777U & ~*umask) : attr.mode;
    shown.st_nlink = attr.nlink;
    shown.st_uid = uid.value_or(attr.uid);
    shown.st_gid = gid.value_or(attr.gid);
    shown.st_rdev = makedev(attr.rdev_major, attr.rdev_minor);
    shown.st_size = static_cast<off_t>(attr.size);
    shown.st_blksize = static_cast<blksize_t>(attr.block_size);
    shown.st_blocks = static_cast<blkcnt_t>(attr.blocks);
    shown.st_atim = show_time(attr.atime);
    shown.st_mtim = show_time(attr.mtime);
    shown.st_ctim = show_time(attr.ctime);
    return shown;
}

rpc::Caller AttrView::creator(const Request& request) const
{
    return {.uid = uid.value_or(shared ? request.uid : 0),
            .gid = gid.value_or(shared ? request.gid : 0),
            .umask = umask.value_or(request.umask)};
}

} // namespace gm::mount
