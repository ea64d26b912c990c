// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/daemon/daemon_session.hpp"
#include "tests/daemon/loop_device.hpp"
#include "tests/support/loop_mount.hpp"
#include "tests/support/test_image.hpp"
#include "tests/support/tree.hpp"

#include <sys/stat.h>

using namespace gm;
using namespace gm::rpc;
using namespace gm::test;

namespace {

MountFilesystem::Args mounting(const std::string& device, const std::string& mountpoint, bool read_only,
                               const std::string& options = "", const std::string& type = "")
{
    return {.device = device, .mountpoint = mountpoint, .options = options, .type = type, .read_only = read_only};
}

} // namespace

TEST_CASE("file systems of every kind are detected, mounted, written to and left clean")
{
    for (const std::string type : {"ext2", "ext3", "ext4", "xfs", "btrfs"}) {
        CAPTURE(type);
        const FreshImage image{type};
        {
            const LoopDevice device{image.file()};
            DaemonSession session{{device.name()}};
            session.must<MountFilesystem>(mounting("/dev/sda", "/", false));
            session.write(session.create("written"), "by the daemon");
            session.must<UnmountAll>({});
            CHECK(session.error_of<Lookup>({kRoot, "written"}) == ENOENT);
        }
        const LoopMount check{image.file()};
        CHECK(content_of(check / "written") == "by the daemon");
    }
}

TEST_CASE("a read-only mount refuses writers before they reach the file system, and changes nothing")
{
    const FreshImage image{"ext4"};
    const std::string before = sha256(image.file());
    {
        const LoopDevice device{image.file(), {"--read-only"}};
        DaemonSession session{{device.name()}};
        session.must<MountFilesystem>(mounting("/dev/sda", "/", true));
        CHECK(session.error_of<Create>({kRoot, "x", 0644, O_RDWR, {}}) == EROFS);
        CHECK(session.error_of<SetAttr>({.target = {kRoot, ""}, .mode = 0}) == EROFS);
        CHECK(session.error_of<Open>({{kRoot, "lost+found"}, O_RDWR}) == EROFS);
        CHECK(session.list({kRoot, ""}).contains("lost+found"));
        session.must<Sync>({});
    }
    CHECK(sha256(image.file()) == before);
}

TEST_CASE("a journal that needs replay does not hinder a read-only mount of a read-only device")
{
    Scratch folder{"dirty"};
    const std::string copy = image_copy("dirty_journal", folder);
    const std::string before = sha256(copy);
    {
        const LoopDevice device{copy, {"--read-only"}};
        DaemonSession session{{device.name()}};
        session.must<MountFilesystem>(mounting("/dev/sda", "/", true));
        CHECK(session.list({kRoot, ""}).contains("lost+found"));
    }
    CHECK(sha256(copy) == before);
}

TEST_CASE("several file systems are one tree: mounted roots show in listings and lookups with numbers of their own")
{
    const FreshImage first{"ext4"};
    const FreshImage second{"xfs"};
    const LoopDevice device{first.file()};
    const LoopDevice other{second.file()};
    DaemonSession session{{device.name(), other.name()}};
    session.must<MountFilesystem>(mounting("/dev/sda", "/", false));
    session.must<MakeDir>({kRoot, "home", 0700, {}});
    session.must<MakeSymlink>({kRoot, "link", "/home", {}});
    CHECK(session.error_of<MountFilesystem>(mounting("/dev/sdb", "/missing", false)) == ENOENT);
    session.must<MountFilesystem>(mounting("/dev/sdb", "/link", false)); // a link of the guest leads within the guest
    session.must<SetAttr>({.target = {session.node("home"), ""}, .mode = 0751});
    session.create("inside", session.node("home"));

    const auto listed = session.list({kRoot, ""}).at("home");
    const auto found = session.must<Lookup>({kRoot, "home"});
    CHECK(listed.attr == found.attr);
    CHECK(listed.ino == found.attr.ino);
    CHECK(found.attr.filesystem == 1);
    CHECK(found.attr.mode == (S_IFDIR | 0751));
    CHECK(session.must<Lookup>({kRoot, "lost+found"}).attr.filesystem == 0);
    CHECK(session.must<GetAttr>({{kRoot, ""}}).attr.filesystem == 0);
    CHECK(session.list({found.node, ""}).contains("inside"));
    CHECK(session.error_of<RemoveName>({kRoot, "home", true}) == EBUSY);
    CHECK(session.error_of<MakeLink>({{found.node, "inside"}, kRoot, "across"}) == EXDEV);
}

TEST_CASE("unmounting needs nothing to be closed or forgotten before, and a new session starts clean")
{
    const FreshImage image{"ext4"};
    const LoopDevice device{image.file()};
    DaemonSession session{{device.name()}};
    session.must<MountFilesystem>(mounting("/dev/sda", "/", false));
    const HandleId handle = session.create("file");
    const NodeId node = session.node("file");
    session.write(handle, "content");
    session.must<UnmountAll>({});
    CHECK(session.error_of<Read>({handle, 0, 1}) == EBADF);
    CHECK(session.error_of<GetAttr>({{node, ""}}) == ESTALE);
    session.must<MountFilesystem>(mounting("/dev/sda", "/", true));
    CHECK(session.read(session.open({kRoot, "file"})) == "content");
}

TEST_CASE("partitions are the user's sda1, whatever the kernel calls them")
{
    const std::string file = image("partitions_gpt");
    const LoopDevice device{file, {"--read-only"}};
    device.add_partitions();
    DaemonSession session{{device.name()}};
    const auto devices = session.must<ListBlockDevices>({}).devices;
    std::vector<std::string> names;
    for (const auto& item : devices) {
        names.push_back(item.name);
        CHECK(item.read_only);
        CHECK(item.size > 0);
    }
    CHECK(names == std::vector<std::string>{"/dev/sda", "/dev/sda1", "/dev/sda2", "/dev/sda7"});
    const auto filesystems = session.must<ListFilesystems>({}).filesystems;
    REQUIRE(filesystems.size() == 3);
    CHECK(filesystems[0].device == "/dev/sda1");
    CHECK(filesystems[0].type == "ext4");
    CHECK(filesystems[1].type == "vfat");
    CHECK(filesystems[2].device == "/dev/sda7");
    for (const auto& name : {"/dev/sda1", "/dev/vda7"}) {
        session.must<MountFilesystem>(mounting(name, "/", true));
        session.must<UnmountAll>({});
    }
    CHECK(session.error_of<MountFilesystem>(mounting("/dev/sda3", "/", true)) == ENOENT);
}

TEST_CASE("what cannot be mounted is refused with the device and the cause")
{
    Scratch folder{"bad"};
    const auto refused = [&](const std::string& file, const std::string& device) {
        const LoopDevice loop{file};
        DaemonSession session{{loop.name()}};
        auto reply = session.call<MountFilesystem>(mounting(device, "/", true));
        REQUIRE_FALSE(reply.ok());
        MESSAGE(reply.error().text);
        CHECK(reply.error().text.find(device) != std::string::npos);
        CHECK(reply.error().text.find('\n') == std::string::npos);
        return reply.take_error();
    };
    const std::string swap = folder / "swap";
    must_run({"truncate", "-s", "16M", swap});
    CHECK(refused(swap, "/dev/sda").text.find("holds no file system") != std::string::npos);
    must_run({"mkswap", "-q", swap});
    CHECK(refused(swap, "/dev/sda").text.find("swap space") != std::string::npos);
    CHECK(refused(swap, "/dev/sdb").errno_value == ENOENT);
    CHECK(refused(swap, "/dev/sda1").errno_value == ENOENT);
    CHECK(refused(swap, "/etc/passwd").errno_value == ENOENT);
    CHECK(refused(image("damaged_ext4"), "/dev/sda").text.find("EXT4-fs") != std::string::npos);
}

TEST_CASE("options reach the mount as mount(8) takes them")
{
    const FreshImage image{"btrfs"};
    const LoopDevice device{image.file()};
    DaemonSession session{{device.name()}};
    session.must<MountFilesystem>(mounting("/dev/sda", "/", false));
    must_run({"btrfs", "-q", "subvolume", "create", session.path("root")});
    session.write(session.create("inside", session.node("root")), "subvolume");
    session.must<UnmountAll>({});
    session.must<MountFilesystem>(mounting("/dev/sda", "/", false, "noatime,subvol=root,compress=zstd,x-none"));
    CHECK(session.must<Lookup>({kRoot, "inside"}).attr.size == 9);
    const auto table = content_of("/proc/self/mountinfo");
    const auto at = table.find(session.path().substr(0, session.path().size() - 1));
    CHECK(table.substr(at, 300).find("noatime") != std::string::npos);
    CHECK(table.substr(at, 300).find("compress=zstd") != std::string::npos);
    CHECK(table.substr(at, 300).find("nosuid,nodev,noexec") != std::string::npos);
    session.must<UnmountAll>({});
    session.must<MountFilesystem>(mounting("btrfsvol:/dev/sda/root", "/", true));
    CHECK(session.must<Lookup>({kRoot, "inside"}).attr.size == 9);
    session.must<UnmountAll>({});
    CHECK(session.error_of<MountFilesystem>(mounting("/dev/sda", "/", false, "nonsense=1")) == EINVAL);
    CHECK(session.error_of<MountFilesystem>(mounting("/dev/sda", "/", false, "", "nonsense")) == ENODEV);
}

TEST_CASE("a btrfs on two devices is mounted by either, its copies are told apart, and what is missing is said")
{
    const Scratch folder{"btrfs"};
    for (const auto* name : {"first", "second"}) {
        must_run({"truncate", "-s", "128M", folder / name});
    }
    must_run({"mkfs.btrfs", "-q", "-d", "raid0", "-m", "raid1", folder / "first", folder / "second"});
    must_run({"cp", "--sparse=always", folder / "second", folder / "copy"});
    const LoopDevice first{folder / "first"};
    {
        DaemonSession alone{{first.name()}};
        const auto reply = alone.call<MountFilesystem>(mounting("/dev/sda", "/", false));
        REQUIRE_FALSE(reply.ok());
        CHECK_MESSAGE(reply.error().text.find("only 1 of its 2 devices") != std::string::npos, reply.error().text);
    }
    const LoopDevice second{folder / "second"};
    {
        DaemonSession both{{first.name(), second.name()}};
        both.must<MountFilesystem>(mounting("/dev/sda", "/", false));
        both.write(both.create("file"), std::string(200'000, 'x'));
        both.must<UnmountAll>({});
        both.must<MountFilesystem>(mounting("/dev/sdb", "/", true));
        CHECK(both.must<Lookup>({kRoot, "file"}).attr.size == 200'000);
        both.must<UnmountAll>({});
        must_run({"btrfs", "-q", "check", "--readonly", first.path()});
    }
    const LoopDevice copy{folder / "copy"};
    DaemonSession three{{first.name(), second.name(), copy.name()}};
    const auto reply = three.call<MountFilesystem>(mounting("/dev/sda", "/", true));
    REQUIRE_FALSE(reply.ok());
    CHECK_MESSAGE(reply.error().text.find("device 2 on /dev/sdb, /dev/sdc: choose") != std::string::npos,
                  reply.error().text);
    three.must<MountFilesystem>(mounting("/dev/sda", "/", true, "device=/dev/sdb"));
    CHECK(three.must<Lookup>({kRoot, "file"}).attr.size == 200'000);
}

TEST_CASE("a tree with everything that is rare reads as the kernel's own mount of it")
{
    for (const std::string recipe : {"ext4", "xfs", "btrfs"}) {
        CAPTURE(recipe);
        const std::string file = image(recipe);
        const LoopDevice device{file, {"--read-only"}};
        DaemonSession session{{device.name()}};
        session.must<MountFilesystem>(mounting("/dev/sda", "/", true));
        const LoopMount oracle{file};
        std::size_t count = 0;
        std::vector<std::pair<NodeId, std::string>> folders{{kRoot, oracle.path()}};
        while (!folders.empty()) {
            const auto [folder, path] = folders.back();
            folders.pop_back();
            const auto entries = session.list({folder, ""});
            std::vector<Target> targets;
            for (const auto& [name, entry] : entries) {
                if (name == "." || name == "..") {
                    continue;
                }
                ++count;
                struct stat status;
                const std::string full = path + "/" + name;
                CAPTURE(printable(name));
                if (full.size() < 4000) {
                    REQUIRE(::lstat(full.c_str(), &status) == 0);
                    CHECK(entry.attr->ino == status.st_ino);
                    CHECK(entry.attr->mode == status.st_mode);
                    CHECK(entry.attr->nlink == status.st_nlink);
                    CHECK(entry.attr->uid == status.st_uid);
                    CHECK(entry.attr->size == static_cast<std::uint64_t>(status.st_size));
                    CHECK(entry.attr->blocks == static_cast<std::uint64_t>(status.st_blocks));
                    CHECK(entry.attr->mtime.seconds == status.st_mtim.tv_sec);
                    CHECK(entry.attr->mtime.nanoseconds == static_cast<std::uint32_t>(status.st_mtim.tv_nsec));
                }
                if (S_ISDIR(entry.attr->mode)) {
                    folders.emplace_back(session.must<Lookup>({folder, name}).node, full);
                }
                targets.push_back({folder, name});
            }
            session.must<ReadXattrs>({targets});
        }
        CHECK(count > 3500);
    }
}
