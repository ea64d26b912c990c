// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Where the data of files lies on the drives. Every doubt is answered with nothing: then the file is read by calls.
#include "core/base/syscall.hpp"
#include "daemon/fiemap.hpp"
#include "daemon/handlers.hpp"

#include <algorithm>
#include <fcntl.h>

namespace gm::daemon {
namespace {

constexpr std::uint32_t kAtOnce = 64;         // extents by one ioctl; few files have more
constexpr std::size_t kMostOfFile = 16'384;   // extents of a file; one in more pieces is read by calls
constexpr std::size_t kMostOfReply = 100'000; // extents of all files together: fits into a message
constexpr std::uint64_t kAlignment = 512;     // bytes

// Flags under which a byte of the file is the byte at the place that is told. Unwritten ones read as zeros.
constexpr std::uint32_t kExact =
    FIEMAP_EXTENT_LAST | FIEMAP_EXTENT_MERGED | FIEMAP_EXTENT_SHARED | FIEMAP_EXTENT_UNWRITTEN;
constexpr std::uint64_t kInexactFiles =
    STATX_ATTR_COMPRESSED | STATX_ATTR_ENCRYPTED | STATX_ATTR_VERITY | STATX_ATTR_DAX;
constexpr int kJournaled = FS_JOURNAL_DATA_FL;

// Adds one extent of the file system to `file`; false when it cannot be told exactly.
bool add_extent(const fiemap_extent& extent, const DriveRange& range, rpc::FileExtents& file)
{
    if ((extent.fe_flags & ~kExact) != 0 || extent.fe_length == 0) {
        return false;
    }
    if ((extent.fe_flags & FIEMAP_EXTENT_UNWRITTEN) != 0 || extent.fe_logical >= file.size) {
        return true;
    }
    // Whole blocks are mapped: what is behind the end of the file is not its data.
    const std::uint64_t length = std::min(extent.fe_length, file.size - extent.fe_logical);
    if (extent.fe_logical % kAlignment != 0 || extent.fe_physical % kAlignment != 0 ||
        extent.fe_physical > range.length || length > range.length - extent.fe_physical) {
        return false;
    }
    const std::uint64_t disk_offset = range.start + extent.fe_physical;
    if (!file.extents.empty()) {
        auto& last = file.extents.back();
        if (last.file_offset + last.length > extent.fe_logical) {
            return false;
        }
        if (last.file_offset + last.length == extent.fe_logical && last.disk_offset + last.length == disk_offset) {
            last.length += length;
            return true;
        }
    }
    file.extents.push_back({.file_offset = extent.fe_logical, .length = length, .disk_offset = disk_offset});
    return file.extents.size() <= kMostOfFile;
}

std::optional<rpc::FileExtents> map_file(int fd, std::uint64_t size, const DriveRange& range)
{
    rpc::FileExtents file{.disk = range.drive, .size = size};
    FiemapRequest<kAtOnce> request;
    for (std::uint64_t at = 0; at < size;) {
        if (!request.ask(fd, at, size - at)) {
            return std::nullopt;
        }
        const auto extents = request.extents();
        for (const auto& extent : extents) {
            if (!add_extent(extent, range, file)) {
                return std::nullopt;
            }
        }
        if (extents.size() < kAtOnce || (extents.back().fe_flags & FIEMAP_EXTENT_LAST) != 0) {
            break;
        }
        const std::uint64_t end = extents.back().fe_logical + extents.back().fe_length;
        if (end <= at) {
            return std::nullopt; // goes nowhere: damaged
        }
        at = end;
    }
    return file;
}

} // namespace

Handlers::Answer<rpc::MapExtents> Handlers::on(rpc::MapExtents, const rpc::MapExtents::Args& args,
                                               rpc::CallContext& context)
{
    rpc::MapExtents::Reply reply;
    reply.files.reserve(args.files.size());
    std::size_t total = 0;
    const auto map_one = [&](const rpc::Target& target) -> std::optional<rpc::FileExtents> {
        const auto at = place(target);
        if (!at.ok() || context.stop().stop_requested()) {
            return std::nullopt;
        }
        const auto fd = open_object(*at, O_RDONLY | O_NOATIME);
        if (!fd.ok()) {
            return std::nullopt;
        }
        const auto status = status_of(fd->get());
        if (!status.ok() || !S_ISREG(status->stx_mode) || (status->stx_attributes & kInexactFiles) != 0) {
            return std::nullopt;
        }
        const UnsavedFiles::Key key{device_of(*status), status->stx_ino};
        const auto source = extent_sources_.find(key.device);
        if (!source || unsaved_.has(key)) {
            return std::nullopt;
        }
        int flags = 0;
        if (source->ask_flags && (::ioctl(fd->get(), FS_IOC_GETFLAGS, &flags) == -1 || (flags & kJournaled) != 0)) {
            return std::nullopt;
        }
        auto file = map_file(fd->get(), status->stx_size, source->range);
        // A write that began meanwhile would be unsaved; what was mapped may be half of before and half of after.
        if (!file || unsaved_.has(key) || total + file->extents.size() > kMostOfReply) {
            return std::nullopt;
        }
        total += file->extents.size();
        return file;
    };
    for (const auto& target : args.files) {
        reply.files.push_back(map_one(target));
    }
    return reply;
}

} // namespace gm::daemon
