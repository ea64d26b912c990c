// SPDX-License-Identifier: GPL-2.0-or-later
#include "mount/guest_mounts.hpp"

#include "core/base/log.hpp"
#include "mount/printable.hpp"

#include <algorithm>
#include <array>
#include <string_view>

namespace gm::mount {
namespace {

constexpr Millis kListLimit{10'000};

bool is_filesystem(std::string_view type)
{
    constexpr std::array<std::string_view, 6> kOthers{"unknown",     "swap",      "swsuspend",
                                                      "crypto_LUKS", "BitLocker", "DM_snapshot_cow"};
    return !type.ends_with("_member") && std::ranges::find(kOthers, type) == kOthers.end();
}

// Whether the device may be there once more of the encrypted volumes are open.
bool may_be_hidden(const Error& error)
{
    return error.errno_value == ENOENT || error.errno_value == ENOKEY;
}

std::string device_of(const MountSpec& mount)
{
    constexpr std::string_view subvolume = "btrfsvol:";
    return mount.device.substr(mount.device.starts_with(subvolume) ? subvolume.size() : 0);
}

// Of what libblkid and mount(8) call them.
bool type_ignores_case(std::string_view type)
{
    constexpr std::array<std::string_view, 11> kTypes{"vfat",    "msdos",   "fat", "exfat", "ntfs", "ntfs3",
                                                      "ntfs-3g", "hfsplus", "hfs", "hpfs",  "affs"};
    return std::find(kTypes.begin(), kTypes.end(), type) != kTypes.end();
}

// A disc that also starts as a hard disk is mounted as a whole: its partitions are parts of that file system.
bool is_partition_of_mounted(std::string_view device, const std::vector<MountSpec>& mounts)
{
    return std::any_of(mounts.begin(), mounts.end(), [&](const MountSpec& mount) {
        return mount.type == "iso9660" && device.starts_with(mount.device) &&
               device.find_first_not_of("0123456789", mount.device.size()) == std::string_view::npos;
    });
}

} // namespace

std::string what_is_there(rpc::Link& link)
{
    const auto list = link.call<rpc::ListFilesystems>({}, {.limit = kListLimit});
    if (!list.ok()) {
        return {};
    }
    std::string text;
    for (const auto& filesystem : list->filesystems) {
        const auto& type = filesystem.type;
        if (is_filesystem(type) || type == "crypto_LUKS" || type == "BitLocker") {
            text += fmt::format("{}{} ({})", text.empty() ? "" : ", ", filesystem.device, filesystem.type);
        }
    }
    return text.empty() ? "; no file system was found on the disks" : "; the disks have " + text;
}

void warn_of_note(const rpc::MountFilesystem::Reply& reply)
{
    if (!reply.note.empty()) {
        log_warning("{}", printable(reply.note));
    }
}

bool ignores_case(rpc::Link& link, const std::vector<MountSpec>& mounts)
{
    const auto list = link.call<rpc::ListFilesystems>({}, {.limit = kListLimit});
    return std::any_of(mounts.begin(), mounts.end(), [&](const MountSpec& mount) {
        if (type_ignores_case(mount.type)) {
            return true;
        }
        return list.ok() && std::any_of(list->filesystems.begin(), list->filesystems.end(), [&](const auto& there) {
                   return there.device == mount.device && type_ignores_case(there.type);
               });
    });
}

Result<std::vector<MountSpec>> mount_in_guest(rpc::Link& link, const std::vector<MountSpec>& mounts, bool read_only,
                                              Unlocker& unlocker, std::stop_token stop)
{
    for (const auto& mount : mounts) {
        const std::string device = device_of(mount);
        while (true) {
            auto reply = link.call<rpc::MountFilesystem>({.device = mount.device,
                                                          .mountpoint = mount.mountpoint,
                                                          .options = mount.options,
                                                          .type = mount.type,
                                                          .read_only = read_only},
                                                         {.stop = stop});
            if (reply.ok()) {
                warn_of_note(*reply);
                break;
            }
            auto error = reply.take_error();
            if (error.errno_value == ENOTCONN || error.errno_value == ECANCELED) {
                return error;
            }
            if (GM_TRY(may_be_hidden(error) ? unlocker.open_next(device, stop) : Result<bool>{false})) {
                continue; // with what has appeared
            }
            if (may_be_hidden(error)) {
                const auto obstacles = unlocker.obstacles(device);
                const bool says_more = error.errno_value == ENOKEY && !obstacles.empty();
                error.text = says_more ? fmt::format("mount '{}': {}", mount.device, obstacles)
                                       : error.text + (obstacles.empty() ? "" : "; ") + obstacles;
            }
            error.text += what_is_there(link);
            if (error.text.find(mount.device) == std::string::npos) {
                error = with_context(std::move(error), fmt::format("mount '{}'", mount.device));
            }
            return error;
        }
    }
    return mounts;
}

Result<std::vector<MountSpec>> mount_all(rpc::Link& link, bool read_only, Unlocker& unlocker, std::stop_token stop)
{
    GM_TRY(unlocker.open_all(stop));
    const auto list = GM_TRY(link.call<rpc::ListFilesystems>({}, {.stop = stop}));
    std::vector<MountSpec> mounts;
    for (const auto& there : list.filesystems) {
        if (!is_filesystem(there.type)) {
            continue;
        }
        if (is_partition_of_mounted(there.device, mounts)) {
            continue;
        }
        const std::string folder = folder_name(there.device);
        const auto reply = link.call<rpc::MountFilesystem>({.device = there.device,
                                                            .mountpoint = folder,
                                                            .options = {},
                                                            .type = {},
                                                            .read_only = read_only,
                                                            .make_folder = true},
                                                           {.stop = stop});
        if (reply.ok()) {
            warn_of_note(*reply);
            mounts.push_back({.device = there.device, .mountpoint = "/" + folder, .options = {}, .type = there.type});
        } else if (reply.error().errno_value == ENOTCONN || reply.error().errno_value == ECANCELED) {
            return reply.error();
        } else if (reply.error().errno_value == EALREADY) {
            log_debug("{}", reply.error().text); // it is there
        } else {
            log_warning("{}", reply.error().text);
        }
    }
    for (const auto& sentence : unlocker.closed()) {
        log_warning("{}", sentence);
    }
    if (mounts.empty()) {
        return make_error(ENOENT, "nothing to mount{}", what_is_there(link));
    }
    return mounts;
}

std::string folder_name(std::string_view device)
{
    for (const std::string_view prefix : {"/dev/mapper/", "/dev/"}) {
        if (device.starts_with(prefix)) {
            device.remove_prefix(prefix.size());
            break;
        }
    }
    std::string name{device};
    std::ranges::replace(name, '/', '-');
    return name;
}

} // namespace gm::mount
