// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/drive_names.hpp"
#include "daemon/kernel_log.hpp"
#include "daemon/luks.hpp"
#include "daemon/lvm.hpp"
#include "daemon/md.hpp"
#include "daemon/mount_options.hpp"
#include "daemon/mount_plan.hpp"
#include "daemon/mount_table.hpp"
#include "daemon/uevents.hpp"

#include <doctest/doctest.h>
#include <sys/mount.h>

using namespace gm::daemon;
using namespace std::string_literals;

TEST_CASE("drives are named as disks always were, past the 26th and the 702nd")
{
    const std::pair<DriveName, std::string> names[] = {
        {{0, 0}, "/dev/sda"},     {{0, 1}, "/dev/sda1"},   {{25, 15}, "/dev/sdz15"}, {{26, 0}, "/dev/sdaa"},
        {{254, 3}, "/dev/sdiu3"}, {{701, 0}, "/dev/sdzz"}, {{702, 0}, "/dev/sdaaa"}};
    for (const auto& [name, text] : names) {
        CAPTURE(text);
        CHECK(to_text(name) == text);
        CHECK(parse_drive_name(text) == name);
    }
    CHECK(parse_drive_name("/dev/vdb2") == DriveName{1, 2});
    CHECK(parse_drive_name("/dev/hda") == DriveName{0, 0});
    for (const auto* text : {"", "sda", "/dev/", "/dev/sd", "/dev/sda0", "/dev/sda01", "/dev/sda1x", "/dev/sdA",
                             "/dev/md0", "/dev/sdaaaaa", "/dev/sda99999999999", "/dev/sda/1", "/dev/vg/lv"}) {
        CAPTURE(text);
        CHECK_FALSE(parse_drive_name(text));
    }
    CHECK(kernel_partition_name("sdb", 3) == "sdb3");
    CHECK(kernel_partition_name("loop0", 1) == "loop0p1");
}

TEST_CASE("a drive's number is found in its serial however the kernel shows it")
{
    CHECK(drive_of_serial(std::string{"\0\x80\0\x09gm-disk-0", 13}) == 0);
    CHECK(drive_of_serial("gm-disk-254\n") == 254);
    CHECK(drive_of_serial("t10.QEMU QEMU HARDDISK gm-disk-7 ") == 7);
    CHECK_FALSE(drive_of_serial("gmroot"));
    CHECK_FALSE(drive_of_serial("gm-disk-"));
    CHECK_FALSE(drive_of_serial("gm-disk-99999999999"));
}

TEST_CASE("device events are understood, and what is none is passed over")
{
    const std::string text = "add@/devices/x/block/sda\0ACTION=add\0DEVPATH=/devices/x\0SUBSYSTEM=block\0DEVNAME=sda\0"
                             "DEVTYPE=disk\0SEQNUM=1\0"s;
    CHECK(parse_uevent(text) == Uevent{"add", "sda", "disk"});
    CHECK_FALSE(parse_uevent("add@/x\0ACTION=add\0SUBSYSTEM=net\0DEVNAME=eth0\0"s));
    CHECK_FALSE(parse_uevent(""));
    CHECK_FALSE(parse_uevent("libudev"));
    for (std::size_t length = 0; length < text.size(); ++length) {
        static_cast<void>(parse_uevent(std::string_view{text}.substr(0, length)));
    }
}

TEST_CASE("mount options become flags, and what is the file system's own is left to it")
{
    const auto parsed =
        parse_mount_options("defaults,ro,noatime,subvol=a b,x-systemd.automount,,context=\"u:r,s:t\",rw,uid=5");
    CHECK(parsed == MountOptions{MS_NOATIME, "subvol=a b,context=\"u:r,s:t\",uid=5"});
    CHECK(parse_mount_options("").data.empty());
    CHECK(parse_mount_options("relatime,strictatime,sync").flags == (MS_STRICTATIME | MS_SYNCHRONOUS));
    CHECK(has_option("a,subvol=x", "subvol"));
    CHECK_FALSE(has_option("a,subvolid=x", "subvol"));
}

TEST_CASE("a mount is planned with the safest and most useful options, the user's first")
{
    constexpr unsigned long always = MS_NODEV | MS_NOSUID | MS_NOEXEC;
    auto plan = plan_mount({"ext4", "noatime,errors=continue", true});
    REQUIRE(plan.size() == 2);
    CHECK(plan[0] == MountAttempt{"ext4", always | MS_RDONLY | MS_NOATIME, "errors=continue"});
    CHECK(plan[1].data == "errors=continue,noload");
    CHECK(plan[1].only_after_read_only);
    plan = plan_mount({"xfs", "", false});
    REQUIRE(plan.size() == 2);
    CHECK(plan[0] == MountAttempt{"xfs", always, "nouuid"});
    CHECK(plan[1] == MountAttempt{"xfs", always | MS_RDONLY, "nouuid", true}); // of a drive that cannot be written to
    plan = plan_mount({"vfat", "utf8=0,exec,suid", false});
    CHECK(plan[0].flags == always);
    CHECK(plan[0].data == "utf8=0,shortname=mixed");
    plan = plan_mount({"ntfs", "", true});
    REQUIRE(plan.size() == 2);
    CHECK(plan[0].type == "ntfs3");
    CHECK(plan[1] == MountAttempt{"ntfs-3g", always | MS_RDONLY, "norecover", false, true});
    plan = plan_mount({"ntfs", "recover", false});
    CHECK(plan[1] == MountAttempt{"ntfs-3g", always, "recover", false, true});
    CHECK(plan_mount({"ufs", "", true, "1"})[0].data == "ufstype=44bsd");
    CHECK(plan_mount({"ufs", "", true, "2"})[0].data == "ufstype=ufs2");
    CHECK(plan_mount({"ufs", "ufstype=sun", true, "1"})[0].data == "ufstype=sun");
    plan = plan_mount({"unheard-of", "", false});
    CHECK(plan == std::vector<MountAttempt>{{"unheard-of", always, ""}, {"unheard-of", always | MS_RDONLY, "", true}});
}

TEST_CASE("content that is no file system is named for what it is")
{
    CHECK(why_not_mountable({.type = "swap", .usage = "other"})->find("swap") != std::string::npos);
    CHECK(why_not_mountable({.type = "LVM2_member", .usage = "raid"})->find("LVM") != std::string::npos);
    CHECK(why_not_mountable({.type = "new_thing", .usage = "raid"})->find("new_thing") != std::string::npos);
    CHECK(why_not_mountable({.ambiguous = true})->find("several") != std::string::npos);
    CHECK(why_not_mountable({}));
    CHECK_FALSE(why_not_mountable({.type = "ext4", .usage = "filesystem"}));
}

TEST_CASE("the kernel's table of mounts is read with paths of any bytes")
{
    const auto line = parse_mount_line(
        "36 35 98:0 /mnt1 /a\\040b\\012c\\134 rw,noatime master:1 shared:2 - ext4 /dev/root rw,data=journal");
    REQUIRE(line);
    CHECK(*line == MountLine{36, "/a b\nc\\", "rw,data=journal"});
    CHECK(parse_mount_line("36 35 98:0 /mnt1 /x rw - ext4 /dev/root rw")->path == "/x");
    for (const auto* text :
         {"", "36", "x 35 98:0 / /x rw - ext4 y rw", "36 35 98:0 / /x rw", "36 35 98:0 / /x rw - ext4"}) {
        CHECK_FALSE(parse_mount_line(text));
    }
}

TEST_CASE("a record of the kernel's log is its text alone")
{
    CHECK(kernel_record_text("3,1234,5678,-;EXT4-fs (sda): bad\n SUBSYSTEM=block\n") == "EXT4-fs (sda): bad");
    CHECK(kernel_record_text("garbage").empty());
}

TEST_CASE("names of logical volumes, RAIDs and opened volumes are made of what the disks say, and nothing else")
{
    CHECK(volume_path("vg-root") == "/dev/vg/root");
    CHECK(volume_path("two--disks-a--b") == "/dev/two-disks/a-b");
    CHECK(raid_name("host:0") == "0");
    CHECK(raid_name("root") == "root");
    CHECK(raid_name("host:a/../b").empty());
    CHECK(raid_name(".hidden").empty());
    CHECK(raid_name("host:").empty());
    CHECK(mapping_name({.type = "crypto_LUKS", .uuid = "0123-abcd"}, 0) == "luks-0123-abcd");
    CHECK(mapping_name({.type = "BitLocker", .uuid = "0123-abcd"}, 1) == "bitlk-0123-abcd-2");
    CHECK(mapping_name({.type = "crypto_LUKS", .uuid = "../../etc"}, 0) == "luks-without-uuid");
    CHECK(encryption_of({.type = "crypto_LUKS", .version = "2"}) == "LUKS2");
    CHECK(encryption_of({.type = "ext4"}).empty());
}

TEST_CASE("volume groups are read from the report of vgs")
{
    const auto groups = parse_groups("  aaaa-bbbb 0 vg\n  cccc-dddd 2 other\n\n  nonsense\n");
    REQUIRE(groups.size() == 2);
    CHECK(groups[0] == GroupLine{"aaaa-bbbb", "vg", 0});
    CHECK(groups[1] == GroupLine{"cccc-dddd", "other", 2});
}
