// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/daemon/daemon_session.hpp"

#include "tests/support/requirements.hpp"

#include <cstdio>
#include <set>
#include <sys/stat.h>

using namespace gm;
using namespace gm::rpc;
using namespace gm::test;

TEST_CASE("a file is found under its folder with the attributes that stat tells")
{
    DaemonSession session;
    write_file(session.path("file"), "content");
    const auto found = session.must<Lookup>({kRoot, "file"});
    struct stat status;
    REQUIRE(::stat(session.path("file").c_str(), &status) == 0);
    CHECK(found.node == NodeId::none);
    CHECK(found.attr.ino == status.st_ino);
    CHECK(found.attr.mode == status.st_mode);
    CHECK(found.attr.size == 7);
    CHECK(found.attr.filesystem == 0);
    CHECK(found.attr.mtime.nanoseconds == static_cast<std::uint32_t>(status.st_mtim.tv_nsec));
    CHECK(session.read(session.open({kRoot, "file"})) == "content");
}

TEST_CASE("a name that is not there is ENOENT")
{
    DaemonSession session;
    CHECK(session.error_of<Lookup>({kRoot, "missing"}) == ENOENT);
    CHECK(session.error_of<GetAttr>({{kRoot, "missing"}}) == ENOENT);
    CHECK(session.error_of<Lookup>({kRoot, std::string(300, 'x')}) == ENAMETOOLONG);
}

TEST_CASE("a folder is listed with attributes and link targets, in pages of any size")
{
    DaemonSession session;
    for (int i = 0; i < 500; ++i) {
        write_file(session.path(fmt::format("entry-{}", i)), std::string(static_cast<std::size_t>(i), 'x'));
    }
    REQUIRE(::symlink("entry-7", session.path("link").c_str()) == 0);
    REQUIRE(::mkdir(session.path("folder").c_str(), 0750) == 0);
    for (const std::uint32_t page : {1U, 300U, 4096U, 1U << 20}) {
        CAPTURE(page);
        const auto all = session.list({kRoot, ""}, page);
        CHECK(all.size() == 504);
        CHECK(all.at("entry-100").attr->size == 100);
        CHECK(all.at("link").link_target == "entry-7");
        CHECK(S_ISDIR(all.at("folder").attr->mode));
        CHECK_FALSE(all.at(".").attr);
        CHECK(all.contains(".."));
    }
}

TEST_CASE("names of any bytes are made, listed, found and removed")
{
    DaemonSession session;
    const std::string names[] = {"new\nline", "invalid \xff\xfe",    "...", " ", "-rf",
                                 "*?[",       std::string(255, 'n'), "\x01"};
    for (const auto& name : names) {
        session.create(name);
    }
    const auto all = session.list({kRoot, ""});
    CHECK(all.size() == std::size(names) + 2);
    for (const auto& name : names) {
        CAPTURE(name);
        CHECK(all.contains(name));
        CHECK(session.must<Lookup>({kRoot, name}).attr.ino == all.at(name).ino);
        session.must<RemoveName>({kRoot, name, false});
        CHECK(session.error_of<Lookup>({kRoot, name}) == ENOENT);
    }
}

TEST_CASE("no name leads out of the guest's root")
{
    DaemonSession session;
    Scratch outside{"outside"};
    write_file(outside / "secret", "secret");
    REQUIRE(::symlink(outside.path().c_str(), session.path("folder-link").c_str()) == 0);
    REQUIRE(::symlink((outside / "secret").c_str(), session.path("file-link").c_str()) == 0);
    CHECK(session.error_of<Lookup>({kRoot, ".."}) == EINVAL);
    CHECK(session.error_of<Lookup>({kRoot, "."}) == EINVAL);
    CHECK(session.error_of<ReadDir>({{kRoot, ".."}, 0, 4096, true}) == EINVAL);
    CHECK(session.error_of<Open>({{kRoot, "file-link"}, O_RDONLY}) == ELOOP);
    CHECK(session.error_of<ReadDir>({{kRoot, "folder-link"}, 0, 4096, true}) == ENOTDIR);
    CHECK(session.error_of<Create>({kRoot, "file-link", 0644, O_RDWR, {}}) == ELOOP);
    CHECK(session.error_of<MapExtents>({{{kRoot, "file-link"}}}) == 0);
    const auto link = session.must<Lookup>({kRoot, "folder-link", true});
    CHECK(link.link_target == outside.path());
    CHECK(session.error_of<Lookup>({link.node, "secret"}) == ENOTDIR);
    CHECK(session.error_of<ReadDir>({{link.node, ""}, 0, 4096, true}) == ENOTDIR);
    const auto file_link = session.must<Lookup>({kRoot, "file-link", true});
    CHECK(session.error_of<Open>({{file_link.node, ""}, O_RDONLY}) == ELOOP);
    CHECK(session.must<GetAttr>({{file_link.node, ""}}).attr.mode == (S_IFLNK | 0777));
    CHECK(session.error_of<SetAttr>({.target = {kRoot, "file-link"}, .size = 0}) != 0);
    CHECK(session.error_of<SetAttr>({.target = {file_link.node, ""}, .size = 0}) != 0);
    CHECK(session.error_of<SetAttr>({.target = {file_link.node, ""}, .mode = 0600}) == EOPNOTSUPP);
    CHECK(content_of(outside / "secret") == "secret");
}

TEST_CASE("a number that was never given, or was forgotten, is ESTALE")
{
    DaemonSession session;
    REQUIRE(::mkdir(session.path("folder").c_str(), 0755) == 0);
    CHECK(session.error_of<Lookup>({NodeId{77}, "x"}) == ESTALE);
    const NodeId folder = session.node("folder");
    session.node("folder"); // a second reference
    session.must<Forget>({{{folder, 1}}});
    CHECK(session.error_of<GetAttr>({{folder, ""}}) == 0);
    session.must<Forget>({{{folder, 1}}});
    CHECK(session.error_of<GetAttr>({{folder, ""}}) == ESTALE);
    session.must<Forget>({{{NodeId::root, 1000}}});
    CHECK(session.error_of<GetAttr>({{NodeId::root, ""}}) == 0);
    CHECK(session.node("folder") != folder);
}

TEST_CASE("all names of a hard-linked file are one node")
{
    DaemonSession session;
    session.create("one");
    session.must<MakeLink>({{kRoot, "one"}, kRoot, "two"});
    const NodeId node = session.node("one");
    CHECK(session.node("two") == node);
    CHECK(session.must<MakeLink>({{node, ""}, kRoot, "three"}).attr.nlink == 3);
    CHECK(session.node("three") == node);
    CHECK(session.error_of<MakeLink>({{node, ""}, kRoot, "two"}) == EEXIST);
    REQUIRE(::symlink("one", session.path("link").c_str()) == 0);
    session.must<MakeLink>({{kRoot, "link"}, kRoot, "link-again"});
    CHECK(S_ISLNK(session.must<Lookup>({kRoot, "link-again"}).attr.mode));
    const NodeId link = session.node("link");
    CHECK(session.must<MakeLink>({{link, ""}, kRoot, "link-a-third-time"}).attr.nlink == 3);
}

TEST_CASE("an object that nobody wants is gone with its last name, and not before")
{
    DaemonSession session;
    session.must<Release>({{session.create("file")}});
    session.must<MakeLink>({{kRoot, "file"}, kRoot, "other"});
    const auto nodes = session.handlers().node_count();
    const auto first = session.must<RemoveName>({.parent = kRoot, .leaf = "file", .folder = false, .keep = false});
    CHECK(first.attr.nlink == 1);
    CHECK(session.must<GetAttr>({.target = {first.node, ""}}).attr.ino == first.attr.ino);
    session.must<Forget>({{{first.node, 1}}});
    const auto last = session.must<RemoveName>({.parent = kRoot, .leaf = "other", .folder = false, .keep = false});
    CHECK(last.attr.nlink == 0);
    CHECK(last.node == NodeId::none);
    CHECK(session.handlers().node_count() == nodes);
    session.must<MakeDir>({kRoot, "folder", 0755, {}});
    CHECK(session.must<RemoveName>({.parent = kRoot, .leaf = "folder", .folder = true, .keep = false}).node !=
          NodeId::none);
}

TEST_CASE("an object that lost its last name stays as long as its node, and its number is not given again")
{
    DaemonSession session;
    const HandleId handle = session.create("file");
    session.write(handle, "still here");
    const auto before = session.must<GetAttr>({.handle = handle}).attr;
    const auto removed = session.must<RemoveName>({kRoot, "file", false});
    CHECK(removed.attr.nlink == 0);
    CHECK(removed.attr.ino == before.ino);
    session.must<Release>({{handle}});
    for (int i = 0; i < 50; ++i) {
        CHECK(session.must<GetAttr>({.handle = session.create(fmt::format("new-{}", i))}).attr.ino != before.ino);
    }
    CHECK(session.read(session.open({removed.node, ""})) == "still here");
    CHECK(session.error_of<RemoveName>({kRoot, "file", false}) == ENOENT);
}

TEST_CASE("folders are made and removed as rmdir and unlink do")
{
    DaemonSession session;
    const auto made = session.must<MakeDir>({kRoot, "folder", 0750, {}});
    CHECK(made.attr.mode == (S_IFDIR | 0750));
    CHECK(session.error_of<MakeDir>({kRoot, "folder", 0750, {}}) == EEXIST);
    session.create("file", made.node);
    CHECK(session.error_of<RemoveName>({kRoot, "folder", true}) == ENOTEMPTY);
    CHECK(session.error_of<RemoveName>({kRoot, "folder", false}) == EISDIR);
    CHECK(session.error_of<RemoveName>({made.node, "file", true}) == ENOTDIR);
    session.must<RemoveName>({made.node, "file", false});
    session.must<RemoveName>({kRoot, "folder", true});
    CHECK(session.error_of<MakeDir>({made.node, "below", 0750, {}}) == ENOENT);
    CHECK(session.error_of<ReadDir>({{made.node, ""}, 0, 4096, false}) == ENOENT); // as getdents(2)
}

TEST_CASE("renaming tells what moved and what it replaced")
{
    DaemonSession session;
    const NodeId folder = session.must<MakeDir>({kRoot, "folder", 0755, {}}).node;
    session.write(session.create("a"), "a");
    session.write(session.create("b", folder), "bb");
    const auto a = session.must<Lookup>({kRoot, "a"}).attr.ino;
    const auto b = session.must<Lookup>({folder, "b"}).attr.ino;
    CHECK(session.error_of<Rename>({kRoot, "a", folder, "b", RENAME_NOREPLACE}) == EEXIST);
    const auto exchanged = session.must<Rename>({kRoot, "a", folder, "b", RENAME_EXCHANGE});
    CHECK(exchanged.attr.ino == a);
    CHECK(exchanged.replaced_attr->ino == b);
    CHECK(session.must<Lookup>({kRoot, "a"}).attr.ino == b);
    const auto replaced = session.must<Rename>({kRoot, "a", folder, "b", 0});
    CHECK(replaced.attr.ino == b);
    CHECK(replaced.replaced_attr->ino == a);
    CHECK(replaced.replaced_attr->nlink == 0);
    CHECK(session.read(session.open({replaced.replaced, ""})) == "a");
    CHECK(session.error_of<Rename>({kRoot, "a", folder, "b", 0}) == ENOENT);
    CHECK(session.error_of<Rename>({kRoot, "folder", folder, "inside-itself", 0}) == EINVAL);
    const auto free = session.must<Rename>({folder, "b", kRoot, "c", 0});
    CHECK(free.replaced == NodeId::none);
    CHECK_FALSE(free.replaced_attr);
}

TEST_CASE("special files are made but never opened")
{
    DaemonSession session;
    require_root();
    CHECK(session.must<MakeNode>({kRoot, "pipe", S_IFIFO | 0640, 0, 0, {}}).attr.mode == (S_IFIFO | 0640));
    const auto device = session.must<MakeNode>({kRoot, "device", S_IFCHR | 0600, 1, 3, {}}).attr;
    CHECK(device.rdev_major == 1);
    CHECK(device.rdev_minor == 3);
    CHECK(session.error_of<Open>({{kRoot, "pipe"}, O_RDONLY}) == EOPNOTSUPP);
    CHECK(session.error_of<Open>({{session.node("pipe"), ""}, O_RDONLY}) == EOPNOTSUPP);
    CHECK(session.error_of<Create>({kRoot, "pipe", 0644, O_RDWR, {}}) == EEXIST);
}

TEST_CASE("a link says what it was made to say")
{
    DaemonSession session;
    for (const std::string& target : {std::string{"x"}, std::string(4095, 'y'), std::string{"/\xff\n"}}) {
        session.must<MakeSymlink>({kRoot, "link", target, {}});
        CHECK(session.must<ReadLink>({{kRoot, "link"}}).link_target == target);
        CHECK(session.must<ReadLink>({{session.node("link"), ""}}).link_target == target);
        CHECK(session.must<Lookup>({kRoot, "link"}).link_target == target);
        CHECK(session.list({kRoot, ""}).at("link").link_target == target);
        session.must<RemoveName>({kRoot, "link", false});
    }
    CHECK(session.error_of<MakeSymlink>({kRoot, "link", std::string{"a\0b", 3}, {}}) == EINVAL);
    CHECK(session.error_of<MakeSymlink>({kRoot, "link", "", {}}) == ENOENT);
    session.create("file");
    CHECK(session.error_of<ReadLink>({{kRoot, "file"}}) == EINVAL);
}

TEST_CASE("entries that come and go while a folder is listed change no other entry")
{
    DaemonSession session;
    for (int i = 0; i < 300; ++i) {
        session.create(fmt::format("old-{}", i));
    }
    std::set<std::string> seen;
    std::uint64_t offset = 0;
    for (int page = 0;; ++page) {
        const auto reply = session.must<ReadDir>({{kRoot, ""}, offset, 2000, false});
        for (const auto& entry : reply.entries) {
            CHECK(seen.insert(entry.name).second);
            offset = entry.next_offset;
        }
        if (reply.end) {
            break;
        }
        session.create(fmt::format("new-{}", page));
        session.must<RemoveName>({kRoot, fmt::format("new-{}", page), false});
    }
    for (int i = 0; i < 300; ++i) {
        CHECK(seen.contains(fmt::format("old-{}", i)));
    }
}
