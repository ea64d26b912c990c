// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/guest/drive_source.hpp"

#include "core/base/clock.hpp"
#include "core/base/subprocess.hpp"
#include "core/base/syscall.hpp"
#include "core/guest/drive_uri.hpp"
#include "core/guest/image_format.hpp"
#include "core/guest/qcow2_check.hpp"

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
    }
    if (source.format == "qcow2") {
        GM_TRY(check_qcow2_is_whole(disk.fd.get(), path));
    }
    source.read_only = drive.read_only;
    source.block_size = drive.block_size;
    if (source.format == "raw") {
        source.size = disk.size;
    }
    source.protocol = Json{{"driver", disk.block_device ? "host_device" : "file"}, {"filename", absolute(path)}};
    return source;
}

// qemu's own look at it: the format, or why it cannot be reached.
Result<std::string> remote_format(const std::string& shown, const Json& protocol)
{
    constexpr Millis limit{15'000};
    const auto run =
        run_captured({"qemu-img", "info", "--output=json", "json:" + Json{{"file", protocol}}.dump()}, limit);
    if (!run) {
        return with_context(run.error(), fmt::format("'{}'", shown));
    }
    if (!run.value().status.success()) {
        auto said = run.value().error_output;
        said.resize(said.find_last_not_of("\n") + 1);
        if (const auto at = said.find("}': "); at != std::string::npos) {
            said.erase(0, at + 4); // the options, as qemu repeats them
        }
        return make_error(EIO, "'{}' cannot be opened: {}{}", shown, said,
                          said.starts_with("Unknown driver") ? " (qemu-block-extra is not installed)" : "");
    }
    const Json info = Json::parse(run.value().output, nullptr, false);
    const auto format = info.is_object() ? info.value("format", std::string{"raw"}) : std::string{"raw"};
    return format == "luks" ? std::string{"raw"} : format; // the guest's business
}

Result<DriveSource> open_remote(const Drive& drive, RemoteDisk disk)
{
    if (disk.always_read_only && !drive.read_only) {
        return make_error(EROFS, "'{}' can only be read: use --ro", drive.source);
    }
    DriveSource source;
    source.shown = drive.source;
    source.format = drive.format;
    if (source.format.empty()) {
        source.format = GM_TRY(remote_format(drive.source, disk.protocol));
    }
    source.protocol = std::move(disk.protocol);
    source.read_only = drive.read_only;
    source.block_size = drive.block_size;
    return source;
}

} // namespace

Result<DriveSource> DriveSource::open(const Drive& drive)
{
    if (!is_drive_uri(drive.source)) {
        return open_local(drive, drive.source);
    }
    DriveUri uri = GM_TRY(parse_drive_uri(drive.source));
    return uri.local_path ? open_local(drive, *uri.local_path) : open_remote(drive, std::move(*uri.remote));
}

} // namespace gm
