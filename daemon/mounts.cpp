// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/mounts.hpp"

#include "core/base/log.hpp"
#include "core/base/syscall.hpp"
#include "daemon/attr.hpp"
#include "daemon/btrfs_devices.hpp"
#include "daemon/caller_identity.hpp"
#include "daemon/kernel_log.hpp"
#include "daemon/luks.hpp"
#include "daemon/mount_options.hpp"
#include "daemon/mount_table.hpp"
#include "daemon/proc_path.hpp"
#include "daemon/run_tool.hpp"

#include <algorithm>
#include <array>
#include <climits>
#include <cstring>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <thread>

namespace gm::daemon {
namespace {

constexpr rpc::Caller kMounter{.uid = 0, .gid = 0, .umask = 022}; // FAT and NTFS take the modes of files from it
constexpr Millis kBusyFor{3000};                                  // calls that still run end within that
constexpr std::string_view kSubvolume = "btrfsvol:";
constexpr const char* kNoDevice = "none";
constexpr unsigned long kTop = MS_NODEV | MS_NOSUID | MS_NOEXEC;
constexpr const char* kTopOptions = "mode=0755,size=16m";

// A folder in the guest tree. Links of the guest lead to where they lead in the guest, never out of it.
Result<UniqueFd> open_mountpoint(const std::string& root, const std::string& mountpoint)
{
    const UniqueFd top = GM_TRY(open_file(root, O_PATH | O_DIRECTORY));
    open_how how{};
    how.flags = O_PATH | O_DIRECTORY | O_CLOEXEC;
    how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
    const auto fd = retry([&] { return ::syscall(SYS_openat2, top.get(), mountpoint.c_str(), &how, sizeof how); });
    if (fd == -1) {
        const int reason = errno;
        return make_error(reason, "the mountpoint '{}' {}", mountpoint,
                          reason == ENOENT    ? "does not exist in the guest"
                          : reason == ENOTDIR ? "is not a folder"
                                              : "cannot be used");
    }
    return UniqueFd{static_cast<int>(fd)};
}

// An empty file system for folders that file systems are mounted on.
Result<Mounted> mount_empty_top(const std::string& root)
{
    GM_TRY(sys([&] { return ::mount("none", root.c_str(), "tmpfs", kTop | MS_RDONLY, kTopOptions); },
               "make a place for the folders"));
    const UniqueFd top = GM_TRY(open_file(root, O_PATH | O_DIRECTORY));
    const struct statx status = GM_TRY(status_of(top.get()));
    return Mounted{.device = kNoDevice,
                   .mountpoint = "/",
                   .path = root,
                   .mount = status.stx_mnt_id,
                   .number = device_of(status),
                   .type = "tmpfs",
                   .read_only = true,
                   .by_tool = false};
}

Result<void> change_top(const std::string& root, unsigned long flags)
{
    GM_TRY(sys([&] { return ::mount("none", root.c_str(), nullptr, MS_REMOUNT | kTop | flags, kTopOptions); },
               "change the place of the folders"));
    return {};
}

Result<std::string> path_of(int fd)
{
    char path[PATH_MAX];
    const auto got =
        GM_TRY(sys([&] { return ::readlink(ProcPath{fd}.c_str(), path, sizeof path); }, "find the mountpoint"));
    return std::string{path, static_cast<std::size_t>(got)};
}

// What of the kernel's lines is about this mount: they begin with the driver's name.
std::string reason_in(const std::vector<std::string>& log)
{
    for (auto line = log.rbegin(); line != log.rend(); ++line) {
        const bool noise = line->empty() || line->find("unmounting") != std::string::npos ||
                           line->find("Mounting ") != std::string::npos;
        if (!noise) {
            return *line;
        }
    }
    return {};
}

// Tells whether `device` is a block device by its kernel path, for finding where a subvolume's name begins.
struct Subvolume {
    std::string device;
    std::string subvolume;
};

Result<Subvolume> split_subvolume(const std::string& text, Devices& devices)
{
    const std::string path = text.substr(kSubvolume.size());
    // /dev/sda1/name or /dev/GROUP/VOLUME/name; a subvolume's own name may have slashes.
    for (auto at = path.find('/', std::string_view{"/dev/"}.size()); at != std::string::npos;
         at = path.find('/', at + 1)) {
        if (devices.kernel_path(path.substr(0, at)).ok()) {
            return Subvolume{path.substr(0, at), path.substr(at + 1)};
        }
    }
    return make_error(ENOENT, "there is no device for '{}'", text);
}

// A file system takes this over from its device when it is mounted. Few large requests cost an emulated disk less than
// many small ones.
void read_far_ahead(const std::string& device)
{
    constexpr unsigned long kReadAhead = 2048; // sectors of 512 bytes
    const auto fd = open_file(device, O_RDONLY);
    if (fd.ok() && ::ioctl(fd->get(), BLKRASET, kReadAhead) == -1) {
        log_debug("read ahead on '{}': {}", device, ::strerrordesc_np(errno));
    }
}

} // namespace

Result<Mounted> Mounts::mount(const MountRequest& request)
{
    if (request.make_folder) {
        return mount_in_folder(request);
    }
    MountRequest wanted = request;
    if (wanted.device.starts_with(kSubvolume)) {
        Subvolume parts = GM_TRY(split_subvolume(wanted.device, devices_));
        wanted.device = std::move(parts.device);
        wanted.options += (wanted.options.empty() ? "subvol=" : ",subvol=") + parts.subvolume;
        wanted.type = "btrfs";
    }
    const std::string device = GM_TRY(devices_.content_path(wanted.device));
    if (wanted.mountpoint.empty() || wanted.mountpoint.find('\0') != std::string::npos) {
        wanted.mountpoint = "/";
    }
    const UniqueFd mountpoint = GM_TRY(open_mountpoint(root_, wanted.mountpoint));
    Mounted mounted = GM_TRY(mount_resolved(wanted, device, mountpoint.get()));
    add(mounted);
    return mounted;
}

void Mounts::add(const Mounted& mounted)
{
    mounted_.with([&](auto& all) {
        all.push_back(mounted);
        all_read_only_ = std::ranges::all_of(all, &Mounted::read_only);
    });
}

Result<Mounted> Mounts::mount_in_folder(const MountRequest& request)
{
    if (!rpc::is_leaf_name(request.mountpoint) || request.mountpoint == "." || request.mountpoint == "..") {
        return make_error(EINVAL, "not the name of a folder");
    }
    if (list().empty()) {
        add(GM_TRY(mount_empty_top(root_)));
    } else if (list().front().device != kNoDevice) {
        return make_error(EBUSY, "something is mounted at the top already");
    }
    const std::string folder = root_ + "/" + request.mountpoint;
    GM_TRY(change_top(root_, 0));
    const auto made = sys([&] { return ::mkdir(folder.c_str(), 0755); }, request.mountpoint);
    MountRequest wanted = request;
    wanted.make_folder = false;
    wanted.mountpoint = "/" + request.mountpoint;
    const auto before = list();
    Result<Mounted> mounted = made.ok() ? mount(wanted) : Result<Mounted>{Error{made.error()}};
    if (mounted.ok()) {
        const auto same = std::ranges::find(before, mounted->number, &Mounted::number);
        if (same != before.end()) { // another device of the same btrfs
            ::umount2(mounted->path.c_str(), UMOUNT_NOFOLLOW);
            mounted_.with([](auto& all) { all.pop_back(); });
            mounted = make_error(EALREADY, "'{}' is a part of the file system of '{}'", request.device, same->device);
        }
    }
    if (made.ok() && !mounted.ok()) {
        ::rmdir(folder.c_str());
    }
    GM_TRY(change_top(root_, MS_RDONLY));
    return mounted;
}

Result<HiddenMount> HiddenMount::make()
{
    char folder[] = "/tmp/hidden.XXXXXX";
    if (::mkdtemp(folder) == nullptr) {
        return system_error(errno, "make a folder");
    }
    return HiddenMount{folder};
}

HiddenMount::~HiddenMount()
{
    if (!path_.empty()) {
        if (::umount2(path_.c_str(), UMOUNT_NOFOLLOW) == -1) {
            ::umount2(path_.c_str(), UMOUNT_NOFOLLOW | MNT_DETACH); // still read by somebody: when that ends
        }
        ::rmdir(path_.c_str());
    }
}

Result<HiddenMount> Mounts::mount_hidden(const std::string& device, const std::string& options)
{
    const std::string path = GM_TRY(devices_.content_path(device));
    HiddenMount hidden = GM_TRY(HiddenMount::make());
    const UniqueFd folder = GM_TRY(open_file(hidden.path(), O_PATH | O_DIRECTORY));
    GM_TRY(mount_resolved({.device = device, .mountpoint = "/", .options = options}, path, folder.get()));
    return hidden;
}

Result<std::uint64_t> Mounts::measure(const std::string& device)
{
    const HiddenMount hidden = GM_TRY(mount_hidden(device));
    struct statvfs space;
    GM_TRY(sys([&] { return ::statvfs(hidden.path().c_str(), &space); }, "measure"));
    return (std::uint64_t{space.f_blocks} - std::min(space.f_blocks, space.f_bfree)) * space.f_frsize;
}

Result<Mounted> Mounts::mount_resolved(MountRequest request, const std::string& device, int mountpoint)
{
    BlockContent content{.type = request.type, .usage = "filesystem"};
    if (content.type.empty()) {
        content = GM_TRY(probe(device));
        if (const auto reason = why_not_mountable(content)) {
            return make_error(encryption_of(content).empty() ? EINVAL : ENOKEY, "mount '{}': it {}", request.device,
                              *reason);
        }
    }
    const std::string path = GM_TRY(path_of(mountpoint));
    std::string missing;
    if (content.type == "btrfs") {
        auto gathered = gather_btrfs_devices(device, request.options, devices_);
        if (!gathered.ok()) {
            return with_context(gathered.take_error(), fmt::format("mount '{}'", request.device));
        }
        request.options = std::move(gathered->options);
        missing = std::move(gathered->missing);
    }
    KernelLog log;
    std::optional<Error> failure;
    for (const auto& step : plan_mount({content.type, request.options, request.read_only, content.version})) {
        if (failure && step.only_after_read_only && failure->errno_value != EROFS && failure->errno_value != EACCES) {
            continue;
        }
        auto outcome = attempt(step, device, path);
        if (!outcome.ok()) {
            if (!failure || !step.by_tool) { // the kernel's reason is the better one
                failure = outcome.take_error();
            }
            continue;
        }
        const UniqueFd top = GM_TRY(open_file(path, O_PATH | O_DIRECTORY));
        const struct statx status = GM_TRY(status_of(top.get()));
        struct statvfs space = {};
        GM_TRY(sys([&] { return ::statvfs(path.c_str(), &space); }, "ask for the state of the mount"));
        Mounted mounted{.device = request.device,
                        .mountpoint = request.mountpoint,
                        .path = path,
                        .mount = status.stx_mnt_id,
                        .number = device_of(status),
                        .type = step.type,
                        .read_only = (space.f_flag & ST_RDONLY) != 0,
                        .by_tool = step.by_tool,
                        .note = {}};
        const bool wanted = request.read_only || (parse_mount_options(request.options).flags & MS_RDONLY) != 0;
        if (mounted.read_only && !wanted) {
            mounted.note = why_read_only(request, mounted, *outcome, log.lines(8));
        }
        return mounted;
    }
    if (!missing.empty()) {
        return make_error(failure->errno_value, "mount '{}' at '{}': {}", request.device, request.mountpoint, missing);
    }
    return explain(request, std::move(*failure), content, log.lines(8));
}

Result<std::string> Mounts::attempt(const MountAttempt& attempt, const std::string& device, const std::string& path)
{
    if (attempt.by_tool) {
        std::string options = "ro";
        if ((attempt.flags & MS_RDONLY) == 0) {
            options = "rw";
        }
        if (!attempt.data.empty()) {
            add_option(options, attempt.data);
        }
        return run_tool_for_messages({attempt.type, "-o", options, device, path});
    }
    read_far_ahead(device);
    const ActAs mounter{kMounter};
    auto outcome = retry([&] {
        return ::mount(device.c_str(), path.c_str(), attempt.type.c_str(), attempt.flags, attempt.data.c_str());
    });
    if (outcome == -1 && errno == ENODEV && run_tool({"modprobe", "--", attempt.type}).ok()) {
        outcome = retry([&] {
            return ::mount(device.c_str(), path.c_str(), attempt.type.c_str(), attempt.flags, attempt.data.c_str());
        });
    }
    if (outcome == -1) {
        return system_error(errno, "mount");
    }
    return std::string{};
}

std::string Mounts::why_read_only(const MountRequest& request, const Mounted& mounted, std::string_view said_by_tool,
                                  std::vector<std::string> log)
{
    std::string why;
    if (is_never_written(mounted.type)) {
        why = fmt::format("file systems of type '{}' can only be read", mounted.type);
    } else if (said_by_tool.find("hibernated") != std::string_view::npos) {
        why = "Windows is hibernated in it, or was shut down for a fast start: let it shut down in full";
    } else if (said_by_tool.find("unsafe state") != std::string_view::npos) {
        why = "it was not unmounted cleanly: let Windows do that, or mount it with the option 'recover'";
    } else {
        const auto tells = [](const std::string& line) {
            constexpr std::array<std::string_view, 4> kWords{"read-only", "read only", "protected", "R/O"};
            return std::ranges::any_of(kWords, [&](auto word) { return line.find(word) != std::string::npos; });
        };
        const auto line = std::ranges::find_if(log, tells);
        why = line == log.end() ? "it cannot be written to" : devices_.in_user_names(*line);
    }
    return fmt::format("'{}' is mounted read-only: {}", request.device, why);
}

Error Mounts::explain(const MountRequest& request, Error error, const BlockContent& content,
                      std::vector<std::string> log)
{
    std::string cause = error.text;
    switch (error.errno_value) {
    case EINVAL:
        cause = fmt::format("wrong type, bad option or damaged {} file system", content.type);
        break;
    case ENODEV:
        cause = fmt::format("the appliance's kernel does not know file systems of type '{}'", content.type);
        break;
    case EEXIST:
        cause = fmt::format("a copy of this {} file system, with the same UUID, is mounted already", content.type);
        break;
    case EBUSY:
        cause = "already mounted, or something is mounted there";
        break;
    case EUCLEAN:
        cause = fmt::format("the {} file system is damaged", content.type);
        break;
    case EACCES:
    case EROFS:
        cause = "the device cannot be written to";
        break;
    default:
        if (cause.starts_with("mount: ")) {
            cause.erase(0, 7);
        }
    }
    std::string reason = reason_in(log);
    if (!reason.empty()) {
        cause += fmt::format(" ({})", devices_.in_user_names(std::move(reason)));
    }
    return make_error(error.errno_value, "mount '{}' at '{}': {}", request.device, request.mountpoint, cause);
}

std::string Mounts::link_in_guest(std::string target, std::uint64_t number, int fd, const char* leaf) const
{
    if (!target.starts_with(root_)) {
        return target;
    }
    const auto all = list();
    const auto mounted = std::ranges::find(all, number, &Mounted::number);
    auto link = path_of(fd);
    if (mounted == all.end() || !mounted->by_tool || !link.ok()) {
        return target; // the guest's own words
    }
    if (*leaf != '\0') {
        *link += std::string{"/"} + leaf;
    }
    const std::string top = mounted->path + (mounted->path.ends_with('/') ? "" : "/");
    if (!target.starts_with(top) || !link->starts_with(top)) {
        return target;
    }
    std::string way;
    for (auto left = std::count(link->begin() + static_cast<std::ptrdiff_t>(top.size()), link->end(), '/'); left > 0;
         --left) {
        way += "../";
    }
    return way + target.substr(top.size());
}

Result<void> Mounts::unmount_all()
{
    const Deadline deadline{kBusyFor};
    while (true) {
        const auto all = list();
        if (all.empty()) {
            return {};
        }
        const Mounted& last = all.back();
        // A folder above may have been renamed since: the kernel knows where the mount is now.
        const auto path = path_of_mount(last.mount);
        if (path && ::umount2(path->c_str(), UMOUNT_NOFOLLOW) == -1) {
            if (errno != EBUSY || deadline.passed()) {
                return system_error(errno, fmt::format("unmount '{}' from '{}'", last.device, last.mountpoint));
            }
            std::this_thread::sleep_for(Millis{5});
            continue;
        }
        mounted_.with([&](auto& mounted) {
            mounted.pop_back();
            all_read_only_ = !mounted.empty() && std::ranges::all_of(mounted, &Mounted::read_only);
        });
    }
}

Result<void> Mounts::sync_all()
{
    for (const auto& mounted : list()) {
        const auto path = path_of_mount(mounted.mount);
        if (!path) {
            continue;
        }
        const UniqueFd top = GM_TRY(open_file(*path, O_RDONLY | O_DIRECTORY));
        GM_TRY(sys([&] { return ::syncfs(top.get()); }, [&] { return fmt::format("sync '{}'", mounted.mountpoint); }));
    }
    // Not every file system ends a sync with a flush of the drive's own cache.
    for (const auto& drive : devices_.drives()) {
        if (drive.empty()) {
            continue;
        }
        auto fd = open_file("/dev/" + drive, O_RDONLY);
        if (fd.ok() && ::fsync(fd->get()) == -1 && errno != EROFS && errno != EOPNOTSUPP) {
            return system_error(errno, fmt::format("flush '{}'", devices_.user_name(drive)));
        }
    }
    return {};
}

} // namespace gm::daemon
