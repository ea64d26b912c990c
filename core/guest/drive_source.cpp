// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/guest/drive_source.hpp"

#include "core/base/syscall.hpp"
#include "core/guest/drive_uri.hpp"
#include "core/guest/image_format.hpp"
#include "core/guest/qcow2_check.hpp"
#include "core/guest/remote_disks.hpp"

#include <array>
#include <climits>
#include <cstdlib>
#include <fcntl.h>
#include <linux/fs.h>
#include <memory>
#include <sys/ioctl.h>
#include <sys/stat.h>

namespace gm {
namespace {

using Json = nlohmann::json;

// Absolute, with links resolved: qemu's working folder is its own, and messages name what is really used.
std::string absolute(const std::string& path)
{
    const std::unique_ptr<char, decltype(&std::free)> resolved{::realpath(path.c_str(), nullptr), &std::free};
    return resolved ? std::string{resolved.get()} : path;
}

struct LocalDisk {
    UniqueFd fd;
    bool block_device = false;
    std::uint64_t size = 0;
    std::array<std::byte, kFormatHeadSize> head{};
    std::size_t head_size = 0;
};

Result<LocalDisk> look_at(const std::string& path)
{
    // O_NONBLOCK: a FIFO must not make us wait.
    auto fd = open_file(path, O_RDONLY | O_NONBLOCK);
    if (!fd) {
        return make_error(fd.error().errno_value, "'{}' cannot be opened: {}", path,
                          std::string_view{::strerrordesc_np(fd.error().errno_value)});
    }
    LocalDisk disk;
    disk.fd = fd.take_value();
    struct stat info {};
    GM_TRY(sys([&] { return ::fstat(disk.fd.get(), &info); }, path));
    if (S_ISBLK(info.st_mode)) {
        disk.block_device = true;
        GM_TRY(sys([&] { return ::ioctl(disk.fd.get(), BLKGETSIZE64, &disk.size); }, path));
    } else if (S_ISREG(info.st_mode)) {
        disk.size = static_cast<std::uint64_t>(info.st_size);
    } else {
        return make_error(S_ISDIR(info.st_mode) ? EISDIR : EINVAL, "'{}' is {}, not a disk image or block device", path,
                          S_ISDIR(info.st_mode) ? "a folder" : "a special file");
    }
    if (disk.size == 0) {
        return make_error(EINVAL, "'{}' is empty", path);
    }
    const auto got = GM_TRY(sys([&] { return ::pread(disk.fd.get(), disk.head.data(), disk.head.size(), 0); },
                                [&] { return fmt::format("read '{}'", path); }));
    disk.head_size = static_cast<std::size_t>(got);
    return disk;
}

Result<void> check_writable(const std::string& path, const LocalDisk& disk)
{
    int read_only = 0;
    if (disk.block_device && ::ioctl(disk.fd.get(), BLKROGET, &read_only) == 0 && read_only != 0) {
        return make_error(EROFS, "'{}' is a read-only device: use --ro", path);
    }
    // Not by opening: closing a block device after a writer makes the host look for changes on it.
    if (::faccessat(AT_FDCWD, path.c_str(), W_OK, AT_EACCESS) == -1) {
        const int errno_value = errno;
        return make_error(errno_value, "'{}' cannot be written: {}: use --ro to read it", path,
                          std::string_view{::strerrordesc_np(errno_value)});
    }
    return {};
}

Result<bool> ends_like_dmg(const LocalDisk& disk, const std::string& path)
{
    std::array<std::byte, kDmgTrailerSize> tail{};
    if (disk.size < tail.size()) {
        return false;
    }
    const auto at = static_cast<off_t>(disk.size - tail.size());
    const auto got = GM_TRY(sys([&] { return ::pread(disk.fd.get(), tail.data(), tail.size(), at); },
                                [&] { return fmt::format("read '{}'", path); }));
    return has_dmg_trailer(std::span{tail}.first(static_cast<std::size_t>(got)));
}

Result<DriveSource> open_local(const Drive& drive, const std::string& path)
{
    const LocalDisk disk = GM_TRY(look_at(path));
    if (!drive.read_only) {
        GM_TRY(check_writable(path, disk));
    }
    DriveSource source;
    source.shown = path;
    source.format = drive.format;
    if (source.format.empty()) {
        source.format = image_format(std::span{disk.head}.first(disk.head_size));
        if (source.format == "raw" && path.ends_with(".dmg") && GM_TRY(ends_like_dmg(disk, path))) {
            source.format = "dmg";
        }
    }
    if (!drive.read_only) {
        const auto reason = why_never_written(source.format, std::span{disk.head}.first(disk.head_size));
        if (!reason.empty()) {
            return make_error(EROFS, "'{}' cannot be written: {}: use --ro", path, reason);
        }
    }
    if (source.format == "qcow2") {
        GM_TRY(check_qcow2_is_whole(disk.fd.get(), path));
    }
    source.read_only = drive.read_only;
    source.block_size = drive.block_size;
    if (source.format == "raw") {
        source.size = disk.size;
    }
    source.protocol =
        Json{{"driver", disk.block_device ? "host_device" : "file"}, {"filename", absolute(path)}, {kAio, kIoUring}};
    return source;
}

Result<void> check_remote(const Drive& drive, const RemoteDisk& disk)
{
    if (disk.always_read_only && !drive.read_only) {
        return make_error(EROFS, "'{}' can only be read: use --ro", without_password(drive.source));
    }
    return {};
}

Result<DriveSource> open_remote(const Drive& drive, RemoteDisk disk, RemoteDisks& remotes)
{
    GM_TRY(check_remote(drive, disk));
    DriveSource source;
    source.shown = without_password(drive.source);
    auto reached = GM_TRY(remotes.reach(std::move(disk), source.shown, drive.read_only));
    source.format = drive.format.empty() ? reached.format : drive.format;
    source.protocol = std::move(reached.protocol);
    source.read_only = drive.read_only;
    source.block_size = drive.block_size;
    return source;
}

} // namespace

Result<DriveSource> DriveSource::open(const Drive& drive, RemoteDisks& remotes)
{
    if (!is_drive_uri(drive.source)) {
        return open_local(drive, drive.source);
    }
    DriveUri uri = GM_TRY(parse_drive_uri(drive.source));
    return uri.local_path ? open_local(drive, *uri.local_path) : open_remote(drive, std::move(*uri.remote), remotes);
}

Result<void> DriveSource::check(const Drive& drive)
{
    if (!is_drive_uri(drive.source)) {
        GM_TRY(open_local(drive, drive.source));
        return {};
    }
    const DriveUri uri = GM_TRY(parse_drive_uri(drive.source));
    if (uri.remote) {
        return check_remote(drive, *uri.remote);
    }
    GM_TRY(open_local(drive, *uri.local_path));
    return {};
}

} // namespace gm
