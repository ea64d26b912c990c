// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/daemon/daemon_session.hpp"
#include "tests/support/program.hpp"
#include "tests/support/requirements.hpp"

#include <linux/fs.h>
#include <sys/stat.h>

using namespace gm;
using namespace gm::rpc;
using namespace gm::test;

TEST_CASE("each attribute is set alone and leaves the others")
{
    DaemonSession session;
    require_root();
    session.write(session.create("file"), "content");
    const Target file{kRoot, "file"};
    const Timestamp old{.seconds = -5, .nanoseconds = 123'456'789};
    CHECK(session.must<SetAttr>({.target = file, .mode = 06711}).attr.mode == (S_IFREG | 06711));
    auto attr = session.must<SetAttr>({.target = file, .mtime = NewTime{old}}).attr;
    CHECK(attr.mtime == old);
    CHECK(attr.atime != old);
    attr = session.must<SetAttr>({.target = file, .atime = NewTime{old}}).attr;
    CHECK(attr.atime == old);
    CHECK(attr.mtime == old);
    attr = session.must<SetAttr>({.target = file, .mtime = NewTime{}}).attr;
    CHECK(attr.mtime > old);
    CHECK(attr.atime == old);
    attr = session.must<SetAttr>({.target = file, .size = 3}).attr;
    CHECK(attr.size == 3);
    attr = session.must<SetAttr>({.target = file, .uid = 4'000'000'000U}).attr;
    CHECK(attr.uid == 4'000'000'000U);
    CHECK(attr.gid == 0);
    CHECK(attr.mode == (S_IFREG | 0711)); // as chown(2): nobody inherits a set-user-ID program
    attr = session.must<SetAttr>({.target = file, .mode = 04755, .gid = 55}).attr;
    CHECK(attr.gid == 55);
    CHECK(attr.mode == (S_IFREG | 04755));
}

TEST_CASE("attributes are set and told through a handle, after the last name is gone")
{
    DaemonSession session;
    const HandleId handle = session.create("file");
    session.must<RemoveName>({kRoot, "file", false});
    CHECK(session.must<SetAttr>({.handle = handle, .mode = 0600, .size = 10}).attr.size == 10);
    const auto attr = session.must<GetAttr>({.handle = handle}).attr;
    CHECK(attr.mode == (S_IFREG | 0600));
    CHECK(attr.nlink == 0);
}

TEST_CASE("the owner and times of a link are its own")
{
    DaemonSession session;
    require_root();
    session.create("file");
    session.must<MakeSymlink>({kRoot, "link", "file", {}});
    const Timestamp old{.seconds = 1000};
    const auto attr = session.must<SetAttr>({.target = {kRoot, "link"}, .uid = 12, .mtime = NewTime{old}}).attr;
    CHECK(S_ISLNK(attr.mode));
    CHECK(attr.uid == 12);
    CHECK(attr.mtime == old);
    const auto file = session.must<Lookup>({kRoot, "file"}).attr;
    CHECK(file.uid == 0);
    CHECK(file.mtime != old);
    CHECK(session.error_of<SetAttr>({.target = {kRoot, "link"}, .mode = 0600}) == EOPNOTSUPP);
}

TEST_CASE("impossible changes carry the kernel's errno")
{
    DaemonSession session;
    REQUIRE(::mkdir(session.path("folder").c_str(), 0755) == 0);
    CHECK(session.error_of<SetAttr>({.target = {kRoot, "folder"}, .size = 0}) == EISDIR);
    session.create("file");
    CHECK(session.error_of<SetAttr>({.target = {kRoot, "file"}, .size = ~0ULL}) == EFBIG);
    CHECK(session.error_of<SetAttr>({.target = {kRoot, "file"}, .handle = HandleId{99}, .mode = 0}) == EBADF);
}

TEST_CASE("what is made belongs to the caller, with the caller's umask")
{
    DaemonSession session;
    require_root();
    const Caller caller{.uid = 1234, .gid = 2345, .umask = 027};
    const auto file = session.must<Create>({kRoot, "file", 0777, O_RDWR, caller}).attr;
    CHECK(file.uid == 1234);
    CHECK(file.gid == 2345);
    CHECK(file.mode == (S_IFREG | 0750));
    CHECK(session.must<MakeDir>({kRoot, "folder", 0777, caller}).attr.mode == (S_IFDIR | 0750));
    const auto link = session.must<MakeSymlink>({kRoot, "link", "x", caller}).attr;
    CHECK(link.uid == 1234);
    CHECK(link.gid == 2345);
    const auto device = session.must<MakeNode>({kRoot, "device", S_IFCHR | 0666, 1, 3, caller}).attr;
    CHECK(device.uid == 1234);
    CHECK(device.mode == (S_IFCHR | 0640));
    const auto roots = session.must<Create>({kRoot, "root's", 0666, O_RDWR, {}}).attr;
    CHECK(roots.uid == 0);
    CHECK(roots.gid == 0);
    CHECK(roots.mode == (S_IFREG | 0666));
}

TEST_CASE("a caller makes things where only root may: access is the host's to check")
{
    DaemonSession session;
    require_root();
    const NodeId folder = session.must<MakeDir>({kRoot, "closed", 0700, {}}).node;
    CHECK(session.must<Create>({folder, "file", 0644, O_RDWR, {.uid = 1234, .gid = 1234}}).attr.uid == 1234);
}

TEST_CASE("a set-group-ID folder gives its group to what is made in it")
{
    DaemonSession session;
    require_root();
    const NodeId folder = session.must<MakeDir>({kRoot, "shared", 0777, {}}).node;
    session.must<SetAttr>({.target = {folder, ""}, .mode = 02777, .gid = 777});
    const Caller caller{.uid = 1234, .gid = 2345, .umask = 0};
    const auto file = session.must<Create>({folder, "file", 02775, O_RDWR, caller}).attr;
    CHECK(file.gid == 777);
    CHECK(file.mode == (S_IFREG | 0775)); // set-group-ID of a group that is not the caller's does not stick
    const auto inner = session.must<MakeDir>({folder, "inner", 0755, caller}).attr;
    CHECK(inner.gid == 777);
    CHECK(inner.mode == (S_IFDIR | 02755));
    CHECK(session.must<Create>({folder, "root's", 02775, O_RDWR, {}}).attr.mode == (S_IFREG | 02775));
}

TEST_CASE("a default ACL takes the place of the umask")
{
    DaemonSession session;
    require_root();
    const NodeId folder = session.must<MakeDir>({kRoot, "folder", 0755, {}}).node;
    must_run({"setfacl", "-d", "-m", "u:1234:rwx,g::rwx,o::r", session.path("folder")});
    const auto file = session.must<Create>({folder, "file", 0666, O_RDWR, {.uid = 1, .gid = 1, .umask = 077}}).attr;
    CHECK(file.mode == (S_IFREG | 0664));
    CHECK(session.must<GetXattr>({{folder, "file"}, "system.posix_acl_access"}).value.size() > 4);
}

TEST_CASE("inode flags are got and set where the file system has them")
{
    DaemonSession session;
    require_root();
    session.create("file");
    const Target file{kRoot, "file"};
    const auto flags = session.must<GetInodeFlags>({file}).flags;
    session.must<SetInodeFlags>({file, flags | FS_NODUMP_FL});
    CHECK((session.must<GetInodeFlags>({file}).flags & FS_NODUMP_FL) != 0);
    session.must<SetInodeFlags>({file, flags | FS_IMMUTABLE_FL});
    CHECK(session.error_of<Open>({file, O_RDWR}) == EPERM);
    CHECK(session.error_of<RemoveName>({kRoot, "file", false}) == EPERM);
    session.must<SetInodeFlags>({file, flags | FS_APPEND_FL});
    CHECK(session.error_of<Open>({file, O_WRONLY}) == EPERM);
    session.write(session.open(file, O_WRONLY | O_APPEND), "end");
    session.must<SetInodeFlags>({file, flags});
    CHECK(content_of(session.path("file")) == "end");
}

TEST_CASE("the figures of the file system are those of statvfs")
{
    DaemonSession session;
    const auto figures = session.must<StatFs>({{kRoot, ""}});
    CHECK(figures.blocks > figures.blocks_free);
    CHECK(figures.name_max == 255);
}
