// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Open files: their data, and what reaches the drive.
#include "core/base/syscall.hpp"
#include "core/rpc/frame.hpp"
#include "daemon/caller_identity.hpp"
#include "daemon/handlers.hpp"

#include <algorithm>
#include <cstdlib>
#include <fcntl.h>
#include <linux/fs.h>
#include <memory>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/xattr.h>

namespace gm::daemon {
namespace {

constexpr std::uint64_t kMaxOffset = static_cast<std::uint64_t>(std::numeric_limits<off_t>::max());

// What the host may decide about an open file. Positions are the host's (no O_APPEND), its page cache is aligned to
// nothing (no O_DIRECT), and the page cache of the host reads around what it writes (no O_WRONLY).
int allowed_flags(std::uint32_t wanted)
{
    const int flags = static_cast<int>(wanted);
    const int mode = (flags & O_ACCMODE) == O_RDONLY ? O_RDONLY : O_RDWR;
    return mode | (flags & (O_TRUNC | O_SYNC | O_DSYNC | O_NOATIME | O_DIRECTORY));
}

Result<void> check_range(std::uint64_t offset, std::uint64_t length)
{
    if (offset > kMaxOffset || length > kMaxOffset - offset) {
        return make_error(EINVAL, "the range from {} on, of {} bytes, is beyond any file", offset, length);
    }
    return {};
}

// As much as there is, up to the size of `into`.
Result<std::size_t> read_at(int fd, std::span<std::byte> into, std::uint64_t offset)
{
    std::size_t have = 0;
    while (have < into.size()) {
        const auto got = GM_TRY(
            sys([&] { return ::pread(fd, into.data() + have, into.size() - have, static_cast<off_t>(offset + have)); },
                "read"));
        if (got == 0) {
            break;
        }
        have += static_cast<std::size_t>(got);
    }
    return have;
}

// Memory for one long read at a time of this thread: huge pages, which cost an emulated machine least, kept for the
// next.
class StreamBuffer {
public:
    static constexpr std::size_t kSize = 2 << 20;

    StreamBuffer() : memory_(std::aligned_alloc(kSize, kSize), &std::free)
    {
        if (memory_) {
            static_cast<void>(::madvise(memory_.get(), kSize, MADV_HUGEPAGE));
        }
    }
    // Empty if there is no memory.
    [[nodiscard]] std::span<std::byte> bytes() const
    {
        return {static_cast<std::byte*>(memory_.get()), memory_ ? kSize : 0};
    }

private:
    std::unique_ptr<void, decltype(&std::free)> memory_;
};

// A long piece of a stream, past the guest's page cache: that would only cost copies, and the host keeps what was read.
// How much could be read so; what is missing (the end of the file, whatever the file system does not do so, and errors)
// is left to the page cache.
std::size_t read_directly(int fd, std::span<std::byte> bytes, std::uint64_t offset)
{
    constexpr std::size_t kBlock = 4096;
    if (offset % kBlock != 0) {
        return 0;
    }
    const int flags = ::fcntl(fd, F_GETFL) & O_NOATIME;
    const auto direct = open_file(fmt::format("/proc/self/fd/{}", fd), O_RDONLY | O_DIRECT | flags);
    if (!direct.ok()) {
        return 0;
    }
    const ssize_t got = retry([&] {
        return ::pread(direct->get(), bytes.data(), bytes.size() / kBlock * kBlock, static_cast<off_t>(offset));
    });
    return got > 0 ? static_cast<std::size_t>(got) : 0;
}

} // namespace

Handlers::Answer<rpc::Open> Handlers::on(rpc::Open, const rpc::Open::Args& args, rpc::CallContext&)
{
    const int wanted = static_cast<int>(args.flags);
    if ((wanted & (O_CREAT | O_EXCL | O_NOCTTY)) != 0 || (wanted & O_TMPFILE) == O_TMPFILE) {
        return make_error(EINVAL, "open: a flag that only creates");
    }
    const Place at = GM_TRY(place(args.target));
    const int flags = allowed_flags(args.flags);
    if (((flags & O_TRUNC) != 0 || (flags & O_ACCMODE) != O_RDONLY) && read_only()) {
        return make_error(EROFS, "open: the guest is mounted read-only");
    }
    auto fd = open_object(at, flags);
    if (!fd.ok() && fd.error().errno_value == EPERM && (wanted & O_APPEND) != 0) {
        fd = open_object(at, flags | O_APPEND); // an append-only file; its end is where the host writes as well
    }
    if (!fd.ok() && fd.error().errno_value == EPERM && (flags & O_NOATIME) != 0) {
        fd = open_object(at, flags & ~O_NOATIME);
    }
    if (!fd.ok()) {
        return fd.take_error();
    }
    const struct statx status = GM_TRY(status_of(fd->get()));
    if (!S_ISREG(status.stx_mode) && !S_ISDIR(status.stx_mode)) {
        return make_error(EOPNOTSUPP, "open: neither a regular file nor a folder");
    }
    if ((flags & O_TRUNC) != 0) {
        unsaved_.mark({device_of(status), status.stx_ino});
    }
    return rpc::Open::Reply{
        .handle = handles_.add({.fd = fd.take_value(), .device = device_of(status), .ino = status.stx_ino}),
        .attr = attr_of(status)};
}

Handlers::Answer<rpc::Create> Handlers::on(rpc::Create, const rpc::Create::Args& args, rpc::CallContext&)
{
    const Place at = GM_TRY(name_in(args.parent, args.leaf));
    const int flags = allowed_flags(args.flags) | O_CREAT | (static_cast<int>(args.flags) & O_EXCL) | O_NOFOLLOW |
                      O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
    const auto created = [&] {
        const ActAs caller{args.caller};
        return sys([&] { return ::openat(at.fd(), at.leaf, flags, args.mode & 07777U); }, "create");
    }();
    if (!created.ok()) {
        return Error{created.error()};
    }
    UniqueFd fd{*created};
    const struct statx status = GM_TRY(status_of(fd.get()));
    if (!S_ISREG(status.stx_mode)) {
        return make_error(EEXIST, "create: the name is taken by something that is not a regular file");
    }
    unsaved_.mark({device_of(status), status.stx_ino});
    const bool no_xattrs = ::flistxattr(fd.get(), nullptr, 0) == 0;
    return rpc::Create::Reply{
        .handle = handles_.add({.fd = std::move(fd), .device = device_of(status), .ino = status.stx_ino}),
        .attr = attr_of(status),
        .no_xattrs = no_xattrs};
}

Handlers::Answer<rpc::Release> Handlers::on(rpc::Release, const rpc::Release::Args& args, rpc::CallContext&)
{
    for (const auto handle : args.handles) {
        handles_.release(handle);
    }
    return rpc::Release::Reply{};
}

Handlers::Answer<rpc::Read> Handlers::on(rpc::Read, const rpc::Read::Args& args, rpc::CallContext&)
{
    GM_TRY(check_range(args.offset, args.size));
    const HandleRef handle = GM_TRY(handles_.find(args.handle));
    constexpr std::size_t kLong = 256 << 10;
    const std::size_t size = std::min<std::size_t>(args.size, rpc::kMaxBulk);
    thread_local const StreamBuffer buffer;
    if (size >= kLong && size <= buffer.bytes().size()) {
        const auto bytes = buffer.bytes().first(size);
        std::size_t got = read_directly(handle->fd.get(), bytes, args.offset);
        got += GM_TRY(read_at(handle->fd.get(), bytes.subspan(got), args.offset + got));
        return rpc::Read::Reply{rpc::Bulk::borrow(bytes.first(got))}; // this thread sends it before its next call
    }
    rpc::Bulk data = rpc::Bulk::allocate(size);
    data.shrink(GM_TRY(read_at(handle->fd.get(), data.writable(), args.offset)));
    return rpc::Read::Reply{std::move(data)};
}

Handlers::Answer<rpc::Write> Handlers::on(rpc::Write, const rpc::Write::Args& args, rpc::CallContext&)
{
    GM_TRY(check_range(args.offset, args.data.size()));
    const HandleRef handle = GM_TRY(handles_.find(args.handle));
    unsaved_.mark({handle->device, handle->ino});
    const auto bytes = args.data.bytes();
    std::size_t done = 0;
    while (done < bytes.size()) {
        const auto put = GM_TRY(sys(
            [&] {
                return ::pwrite(handle->fd.get(), bytes.data() + done, bytes.size() - done,
                                static_cast<off_t>(args.offset + done));
            },
            "write"));
        if (put == 0) {
            return make_error(EIO, "write: the guest takes no more");
        }
        done += static_cast<std::size_t>(put);
    }
    return rpc::Write::Reply{static_cast<std::uint32_t>(done)};
}

Handlers::Answer<rpc::Fsync> Handlers::on(rpc::Fsync, const rpc::Fsync::Args& args, rpc::CallContext&)
{
    HandleRef handle;
    UniqueFd own;
    int fd = -1;
    const std::uint64_t since = unsaved_.now();
    if (args.handle != rpc::HandleId::none) {
        handle = GM_TRY(handles_.find(args.handle));
        fd = handle->fd.get();
    } else {
        const Place at = GM_TRY(place(args.target));
        own = GM_TRY(open_plain(at, O_RDONLY));
        fd = own.get();
    }
    GM_TRY(sys([&] { return args.data_only ? ::fdatasync(fd) : ::fsync(fd); }, "fsync"));
    const struct statx status = GM_TRY(status_of(fd));
    unsaved_.saved({device_of(status), status.stx_ino}, since);
    return rpc::Fsync::Reply{};
}

Handlers::Answer<rpc::Fallocate> Handlers::on(rpc::Fallocate, const rpc::Fallocate::Args& args, rpc::CallContext&)
{
    GM_TRY(check_range(args.offset, args.length));
    const HandleRef handle = GM_TRY(handles_.find(args.handle));
    unsaved_.mark({handle->device, handle->ino});
    GM_TRY(sys(
        [&] {
            return ::fallocate(handle->fd.get(), static_cast<int>(args.mode), static_cast<off_t>(args.offset),
                               static_cast<off_t>(args.length));
        },
        "fallocate"));
    const rpc::Attr attr = GM_TRY(attr_at(handle->fd.get()));
    return rpc::Fallocate::Reply{attr};
}

Handlers::Answer<rpc::Seek> Handlers::on(rpc::Seek, const rpc::Seek::Args& args, rpc::CallContext&)
{
    const int whence = static_cast<int>(args.whence);
    if (whence != SEEK_DATA && whence != SEEK_HOLE) {
        return make_error(EINVAL, "seek: only for data and holes");
    }
    const HandleRef handle = GM_TRY(handles_.find(args.handle));
    const auto at = GM_TRY(sys([&] { return ::lseek(handle->fd.get(), args.offset, whence); }, "seek"));
    return rpc::Seek::Reply{static_cast<std::uint64_t>(at)};
}

Handlers::Answer<rpc::CopyFileRange> Handlers::on(rpc::CopyFileRange, const rpc::CopyFileRange::Args& args,
                                                  rpc::CallContext& context)
{
    constexpr std::uint64_t kPiece = 64 << 20; // between pieces the host can stop it
    GM_TRY(check_range(args.source_offset, 0));
    GM_TRY(check_range(args.sink_offset, 0));
    const HandleRef source = GM_TRY(handles_.find(args.source));
    const HandleRef sink = GM_TRY(handles_.find(args.sink));
    unsaved_.mark({sink->device, sink->ino});
    auto from = static_cast<off_t>(args.source_offset);
    auto to = static_cast<off_t>(args.sink_offset);
    std::uint64_t copied = 0;
    while (copied < args.length && !context.stop().stop_requested()) {
        const std::size_t want = std::min(args.length - copied, kPiece);
        const auto got =
            retry([&] { return ::copy_file_range(source->fd.get(), &from, sink->fd.get(), &to, want, 0); });
        if (got == -1 && copied == 0) {
            return system_error(errno, "copy_file_range");
        }
        if (got <= 0) {
            break;
        }
        copied += static_cast<std::uint64_t>(got);
    }
    return rpc::CopyFileRange::Reply{copied};
}

Handlers::Answer<rpc::Trim> Handlers::on(rpc::Trim, const rpc::Trim::Args& args, rpc::CallContext&)
{
    const Place at = GM_TRY(place(args.target));
    const UniqueFd fd = GM_TRY(open_plain(at, O_RDONLY));
    fstrim_range range{.start = args.start, .len = args.length, .minlen = args.minimum};
    GM_TRY(sys([&] { return ::ioctl(fd.get(), FITRIM, &range); }, "trim"));
    return rpc::Trim::Reply{range.len};
}

Handlers::Answer<rpc::ReadFiles> Handlers::on(rpc::ReadFiles, const rpc::ReadFiles::Args& args,
                                              rpc::CallContext& context)
{
    rpc::ReadFiles::Reply reply{.data = rpc::Bulk::allocate(std::min<std::size_t>(args.max_bytes, rpc::kMaxBulk))};
    reply.sizes.reserve(args.files.size());
    std::size_t used = 0;
    const auto read_one = [&](const rpc::Target& target) -> std::optional<std::uint32_t> {
        const auto at = place(target);
        if (!at.ok() || context.stop().stop_requested()) {
            return std::nullopt;
        }
        // Reading ahead of the user must not show in the access time.
        auto fd = open_object(*at, O_RDONLY | O_NOATIME);
        struct stat status;
        if (!fd.ok() || ::fstat(fd->get(), &status) == -1 || !S_ISREG(status.st_mode)) {
            return std::nullopt;
        }
        const auto into = reply.data.writable().subspan(used);
        const auto size = static_cast<std::uint64_t>(status.st_size);
        if (size > into.size()) {
            return std::nullopt;
        }
        const auto got = read_at(fd->get(), into.first(size), 0);
        if (!got.ok()) {
            return std::nullopt;
        }
        used += *got;
        return static_cast<std::uint32_t>(*got);
    };
    for (const auto& target : args.files) {
        reply.sizes.push_back(read_one(target));
    }
    reply.data.shrink(used);
    return reply;
}

} // namespace gm::daemon
