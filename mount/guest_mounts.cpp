// SPDX-License-Identifier: GPL-2.0-or-later
#include "mount/guest_mounts.hpp"

#include <algorithm>
#include <array>
#include <string_view>

namespace gm::mount {
namespace {

constexpr Millis kListLimit{10'000};

// "; the disks have /dev/sda1 (ext4), ..."
std::string what_is_there(rpc::Link& link, bool read_only)
{
    static_cast<void>(link.call<rpc::ActivateVolumes>({.read_only = read_only}, {.limit = kListLimit}).ok());
    const auto list = link.call<rpc::ListFilesystems>({}, {.limit = kListLimit});
    if (!list.ok()) {
        return {};
    }
    std::string text;
    for (const auto& filesystem : list->filesystems) {
        const auto& type = filesystem.type;
        const bool is_member = type == "LVM2_member" || type == "linux_raid_member";
        if (type != "swap" && type != "unknown" && !is_member) {
            text += fmt::format("{}{} ({})", text.empty() ? "" : ", ", filesystem.device, filesystem.type);
        }
    }
    return text.empty() ? "; no file system was found on the disks" : "; the disks have " + text;
}

// Of what libblkid and mount(8) call them.
bool type_ignores_case(std::string_view type)
{
    constexpr std::array<std::string_view, 8> kTypes{"vfat", "msdos", "fat",     "exfat",
                                                     "ntfs", "ntfs3", "ntfs-3g", "hfsplus"};
    return std::find(kTypes.begin(), kTypes.end(), type) != kTypes.end();
}

} // namespace

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

Result<void> mount_in_guest(rpc::Link& link, const std::vector<MountSpec>& mounts, bool read_only, std::stop_token stop)
{
    for (const auto& mount : mounts) {
        auto reply = link.call<rpc::MountFilesystem>({.device = mount.device,
                                                      .mountpoint = mount.mountpoint,
                                                      .options = mount.options,
                                                      .type = mount.type,
                                                      .read_only = read_only},
                                                     {.stop = stop});
        if (reply.ok()) {
            continue;
        }
        auto error = reply.take_error();
        if (error.errno_value != ENOTCONN && error.errno_value != ECANCELED) {
            error.text += what_is_there(link, read_only);
        }
        if (error.text.find(mount.device) == std::string::npos) {
            error = with_context(std::move(error), fmt::format("mount '{}'", mount.device));
        }
        return error;
    }
    return {};
}

} // namespace gm::mount
