// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Attributes of objects and of file systems.
#include "core/base/syscall.hpp"
#include "daemon/handlers.hpp"
#include "daemon/proc_path.hpp"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

namespace gm::daemon {
namespace {

timespec to_timespec(const std::optional<rpc::NewTime>& wanted)
{
    if (!wanted) {
        return {.tv_sec = 0, .tv_nsec = UTIME_OMIT};
    }
    if (!wanted->time) {
        return {.tv_sec = 0, .tv_nsec = UTIME_NOW};
    }
    return {.tv_sec = wanted->time->seconds, .tv_nsec = wanted->time->nanoseconds};
}

// `fd` may be O_PATH or an open file; the path is that of the object in either case.
Result<void> apply(int fd, bool is_open, const rpc::SetAttr::Args& wanted)
{
    const ProcPath path{fd};
    if (wanted.size) {
        const auto size = static_cast<off_t>(*wanted.size);
        GM_TRY(sys([&] { return is_open ? ::ftruncate(fd, size) : ::truncate(path.c_str(), size); }, "truncate"));
    }
    if (wanted.uid || wanted.gid) { // before the mode: it takes away set-user-ID and set-group-ID
        GM_TRY(
            sys([&] { return ::fchownat(fd, "", wanted.uid.value_or(~0U), wanted.gid.value_or(~0U), AT_EMPTY_PATH); },
                "chown"));
    }
    if (wanted.mode) {
        GM_TRY(sys([&] { return ::chmod(path.c_str(), *wanted.mode & 07777U); }, "chmod"));
    }
    if (wanted.atime || wanted.mtime) {
        const timespec times[2] = {to_timespec(wanted.atime), to_timespec(wanted.mtime)};
        GM_TRY(sys([&] { return ::utimensat(AT_FDCWD, path.c_str(), times, 0); }, "set times"));
    }
    return {};
}

} // namespace

Handlers::Answer<rpc::GetAttr> Handlers::on(rpc::GetAttr, const rpc::GetAttr::Args& args, rpc::CallContext&)
{
    rpc::Attr attr;
    if (args.handle != rpc::HandleId::none) {
        const HandleRef handle = GM_TRY(handles_.find(args.handle));
        attr = GM_TRY(attr_at(handle->fd.get()));
    } else {
        const Place at = GM_TRY(place(args.target));
        attr = GM_TRY(attr_at(at.fd(), at.leaf));
    }
    return rpc::GetAttr::Reply{attr};
}

Handlers::Answer<rpc::SetAttr> Handlers::on(rpc::SetAttr, const rpc::SetAttr::Args& args, rpc::CallContext&)
{
    if (args.size && *args.size > static_cast<std::uint64_t>(std::numeric_limits<off_t>::max())) {
        return make_error(EFBIG, "truncate: {} bytes are too many", *args.size);
    }
    HandleRef handle;
    Pinned object;
    int fd = -1;
    if (args.handle != rpc::HandleId::none) {
        handle = GM_TRY(handles_.find(args.handle));
        fd = handle->fd.get();
    } else {
        const Place at = GM_TRY(place(args.target));
        object = GM_TRY(pin(at));
        fd = object.fd();
    }
    if (args.size) {
        const struct statx status = GM_TRY(status_of(fd));
        unsaved_.mark({device_of(status), status.stx_ino});
    }
    GM_TRY(apply(fd, handle != nullptr, args));
    const rpc::Attr attr = GM_TRY(attr_at(fd));
    return rpc::SetAttr::Reply{attr};
}

Handlers::Answer<rpc::StatFs> Handlers::on(rpc::StatFs, const rpc::StatFs::Args& args, rpc::CallContext&)
{
    const Place at = GM_TRY(place(args.target));
    const Pinned object = GM_TRY(pin(at));
    struct statvfs status;
    GM_TRY(sys([&] { return ::fstatvfs(object.fd(), &status); }, "statfs"));
    return rpc::StatFs::Reply{.block_size = status.f_bsize,
                              .fragment_size = status.f_frsize,
                              .blocks = status.f_blocks,
                              .blocks_free = status.f_bfree,
                              .blocks_available = status.f_bavail,
                              .files = status.f_files,
                              .files_free = status.f_ffree,
                              .name_max = static_cast<std::uint32_t>(status.f_namemax)};
}

Handlers::Answer<rpc::GetInodeFlags> Handlers::on(rpc::GetInodeFlags, const rpc::GetInodeFlags::Args& args,
                                                  rpc::CallContext&)
{
    const Place at = GM_TRY(place(args.target));
    const UniqueFd fd = GM_TRY(open_plain(at, O_RDONLY));
    int flags = 0;
    GM_TRY(sys([&] { return ::ioctl(fd.get(), FS_IOC_GETFLAGS, &flags); }, "get inode flags"));
    return rpc::GetInodeFlags::Reply{static_cast<std::uint32_t>(flags)};
}

Handlers::Answer<rpc::SetInodeFlags> Handlers::on(rpc::SetInodeFlags, const rpc::SetInodeFlags::Args& args,
                                                  rpc::CallContext&)
{
    const Place at = GM_TRY(place(args.target));
    const UniqueFd fd = GM_TRY(open_plain(at, O_RDONLY));
    const int flags = static_cast<int>(args.flags);
    GM_TRY(sys([&] { return ::ioctl(fd.get(), FS_IOC_SETFLAGS, &flags); }, "set inode flags"));
    return rpc::SetInodeFlags::Reply{};
}

} // namespace gm::daemon
