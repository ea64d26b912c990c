// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/mount_plan.hpp"

#include "daemon/mount_options.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <sys/mount.h>

namespace gm::daemon {
namespace {

// Nothing of the guest is ever run or used as a device in the appliance.
constexpr unsigned long kReadOnly = MS_RDONLY;
constexpr unsigned long kAlways = MS_NODEV | MS_NOSUID | MS_NOEXEC;

struct Habit {
    std::string_view type;
    std::string_view kernel_type;
    std::string_view data;           // always added, unless the user says otherwise
    std::string_view without_replay; // what leaves a journal alone that cannot be replayed
};

constexpr std::array kHabits{
    Habit{"ext3", "ext3", "", "noload"},
    Habit{"ext4", "ext4", "", "noload"},
    Habit{"xfs", "xfs", "nouuid", "norecovery"}, // nouuid: clones of a disk can be mounted together
    Habit{"btrfs", "btrfs", "", "rescue=nologreplay"},
    Habit{"f2fs", "f2fs", "", "norecovery"},
    Habit{"vfat", "vfat", "utf8=1,shortname=mixed", ""},
    Habit{"exfat", "exfat", "iocharset=utf8", ""},
    Habit{"ntfs", "ntfs3", "iocharset=utf8", ""},
    Habit{"ntfs3", "ntfs3", "iocharset=utf8", ""},
    Habit{"iso9660", "iso9660", "iocharset=utf8", ""},
    Habit{"udf", "udf", "iocharset=utf8", ""},
    Habit{"hfs", "hfs", "codepage=macroman,iocharset=utf8", ""},
    Habit{"jfs", "jfs", "iocharset=utf8", ""},
    Habit{"nilfs2", "nilfs2", "", "norecovery"},
    Habit{"xenix", "sysv", "", ""},
};

// Which do not exist for the kernel in a writable form.
constexpr std::array<std::string_view, 11> kNeverWritten{"befs", "cramfs", "efs",      "erofs", "iso9660", "qnx4",
                                                         "qnx6", "romfs",  "squashfs", "ufs",   "vxfs"};
constexpr std::string_view kUfs2 = "ufs2";
constexpr std::string_view kUfs1 = "44bsd"; // of all BSDs, either byte order

struct NotMountable {
    std::string_view type;
    std::string_view reason;
};

constexpr std::array kNotMountable{
    NotMountable{"swap", "is swap space, not a file system"},
    NotMountable{"swsuspend", "is swap space with a suspended system, not a file system"},
    NotMountable{"LVM2_member", "is a physical volume of LVM: mount one of its logical volumes, /dev/GROUP/VOLUME"},
    NotMountable{"linux_raid_member", "is a member of a RAID: mount the RAID, /dev/md127 or the like"},
    NotMountable{"crypto_LUKS", "is encrypted (LUKS): it needs a key"},
    NotMountable{"BitLocker", "is encrypted (BitLocker): it needs a key"},
    NotMountable{"zfs_member", "is a member of a ZFS pool, which is not supported"},
};

void add_defaults(std::string& data, std::string_view defaults)
{
    while (!defaults.empty()) {
        const auto option = defaults.substr(0, defaults.find(','));
        if (!has_option(data, option.substr(0, option.find('=')))) {
            add_option(data, option);
        }
        defaults.remove_prefix(std::min(defaults.size(), option.size() + 1));
    }
}

} // namespace

std::vector<MountAttempt> plan_mount(const MountWish& wish)
{
    const auto options = parse_mount_options(wish.options);
    const auto* const habit = std::ranges::find(kHabits, std::string_view{wish.type}, &Habit::type);
    MountAttempt best{
        .type = wish.type, .flags = options.flags | kAlways | (wish.read_only ? kReadOnly : 0UL), .data = options.data};
    std::vector<MountAttempt> plan;
    if (habit != kHabits.end()) {
        best.type = habit->kernel_type;
        add_defaults(best.data, habit->data);
    } else if (wish.type == "ufs") {
        add_defaults(best.data, fmt::format("ufstype={}", wish.version == "2" ? kUfs2 : kUfs1));
    }
    plan.push_back(best);
    if (best.type == "ntfs3") {
        // norecover: what Windows left half done is for Windows to finish.
        MountAttempt by_tool{.type = "ntfs-3g", .flags = best.flags, .data = options.data, .by_tool = true};
        if (!has_option(by_tool.data, "recover")) {
            add_defaults(by_tool.data, "norecover");
        }
        plan.push_back(std::move(by_tool));
    } else if ((best.flags & MS_RDONLY) == 0) {
        MountAttempt unwritten = best;
        unwritten.flags |= MS_RDONLY;
        unwritten.only_after_read_only = true;
        plan.push_back(std::move(unwritten));
    } else if (habit != kHabits.end() && !habit->without_replay.empty()) {
        MountAttempt unreplayed = best;
        add_option(unreplayed.data, habit->without_replay);
        unreplayed.only_after_read_only = true;
        plan.push_back(std::move(unreplayed));
    }
    return plan;
}

bool is_never_written(std::string_view type)
{
    return std::ranges::find(kNeverWritten, type) != kNeverWritten.end();
}

std::optional<std::string> why_not_mountable(const BlockContent& content)
{
    const auto* const known = std::ranges::find(kNotMountable, std::string_view{content.type}, &NotMountable::type);
    if (known != kNotMountable.end()) {
        return std::string{known->reason};
    }
    if (content.ambiguous) {
        return "has traces of several formats: name the type of the file system";
    }
    if (content.type.empty()) {
        return "holds no file system that is known";
    }
    if (content.usage != "filesystem") {
        return fmt::format("is '{}', not a file system", content.type);
    }
    return std::nullopt;
}

} // namespace gm::daemon
