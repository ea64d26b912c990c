// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/fuse/mounted_daemon.hpp"

#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <sys/xattr.h>

using namespace gm::test;

namespace {

// Runs `act` as another user, in a process of its own that is in this folder; its result is the exit status. Other
// users reach nothing by a path through the tests' private folders.
template <typename Act>
int as_user(uid_t user, const std::string& folder, Act&& act)
{
    const pid_t child = ::fork();
    if (child == 0) {
        const bool changed =
            ::chdir(folder.c_str()) == 0 && ::setresgid(user, user, user) == 0 && ::setresuid(user, user, user) == 0;
        ::_exit(changed ? act() : 99);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    return WEXITSTATUS(status);
}

} // namespace

TEST_SUITE("fuse")
{
    TEST_CASE("times are set, left out and set to now")
    {
        require_fuse();
        MountedDaemon mount;
        write_file(mount / "file", "");
        const timespec both[2] = {{.tv_sec = 1'000'000, .tv_nsec = 123'456'789}, {.tv_sec = -5, .tv_nsec = 7}};
        REQUIRE(::utimensat(AT_FDCWD, (mount / "file").c_str(), both, 0) == 0);
        CHECK(status_of(mount / "file").st_atim.tv_nsec == 123'456'789);
        CHECK(status_of(mount.below("file")).st_mtim.tv_sec == -5);
        const timespec one[2] = {{.tv_sec = 0, .tv_nsec = UTIME_OMIT}, {.tv_sec = 0, .tv_nsec = UTIME_NOW}};
        REQUIRE(::utimensat(AT_FDCWD, (mount / "file").c_str(), one, 0) == 0);
        CHECK(status_of(mount / "file").st_atim.tv_sec == 1'000'000);
        CHECK(status_of(mount / "file").st_mtim.tv_sec > 1'000'000);
        REQUIRE(::symlink("nowhere", (mount / "link").c_str()) == 0);
        REQUIRE(::utimensat(AT_FDCWD, (mount / "link").c_str(), both, AT_SYMLINK_NOFOLLOW) == 0);
        CHECK(status_of(mount.below("link")).st_mtim.tv_nsec == 7);
    }

    TEST_CASE("extended attributes hold any bytes and heed their flags")
    {
        require_fuse();
        MountedDaemon mount;
        write_file(mount / "file", "");
        const auto path = mount / "file";
        const std::string value("a\0\xff\n b", 6);
        const auto set = [&](const char* name, int flags) {
            return errno_of([&] { return ::setxattr(path.c_str(), name, value.data(), value.size(), flags); });
        };
        CHECK(set("user.one", XATTR_REPLACE) == ENODATA);
        CHECK(set("user.one", XATTR_CREATE) == 0);
        CHECK(set("user.one", XATTR_CREATE) == EEXIST);
        char buffer[64] = {};
        CHECK(::getxattr(path.c_str(), "user.one", nullptr, 0) == 6);
        CHECK(::getxattr(path.c_str(), "user.one", buffer, sizeof buffer) == 6);
        CHECK(std::string(buffer, 6) == value);
        CHECK(errno_of([&] { return ::getxattr(path.c_str(), "user.one", buffer, 3); }) == ERANGE);
        CHECK(errno_of([&] { return ::getxattr(path.c_str(), "user.none", buffer, 3); }) == ENODATA);
        CHECK(::listxattr(path.c_str(), nullptr, 0) == ::listxattr(mount.below("file").c_str(), nullptr, 0));
        CHECK(::removexattr(path.c_str(), "user.one") == 0);
        CHECK(errno_of([&] { return ::removexattr(path.c_str(), "user.one"); }) == ENODATA);
    }

    TEST_CASE("an access control list changes the mode at once")
    {
        require_fuse();
        MountedDaemon mount;
        write_file(mount / "file", "");
        REQUIRE(::chmod((mount / "file").c_str(), 0600) == 0);
        // user::rw-, user:1000:r--, group::---, mask::r--, other::---
        const std::string acl("\x02\0\0\0\x01\0\x06\0\xff\xff\xff\xff\x02\0\x04\0\xe8\x03\0\0\x04\0\0\0\xff\xff\xff\xff"
                              "\x10\0\x04\0\xff\xff\xff\xff\x20\0\0\0\xff\xff\xff\xff",
                              44);
        REQUIRE(::setxattr((mount / "file").c_str(), "system.posix_acl_access", acl.data(), acl.size(), 0) == 0);
        char buffer[128];
        CHECK(::getxattr((mount / "file").c_str(), "system.posix_acl_access", buffer, sizeof buffer) == 44);
        // The notice to the kernel is on its way; an operation that needs an answer comes after it.
        CHECK((status_of(mount.below("file")).st_mode & 0777) == 0640);
        for (int i = 0; i < 1000 && (status_of(mount / "file").st_mode & 0777) != 0640; ++i) {
            std::this_thread::yield();
        }
        CHECK((status_of(mount / "file").st_mode & 0777) == 0640);
    }

    TEST_CASE("inode flags are read and set")
    {
        require_fuse();
        require_root();
        MountedDaemon mount;
        write_file(mount / "file", "");
        const int below = ::open(mount.below("file").c_str(), O_RDONLY);
        int expected = 0;
        if (::ioctl(below, FS_IOC_GETFLAGS, &expected) == -1) {
            ::close(below);
            MESSAGE("the folder for tests lies on a file system without inode flags");
            return;
        }
        const int file = ::open((mount / "file").c_str(), O_RDONLY);
        int flags = 0;
        CHECK(::ioctl(file, FS_IOC_GETFLAGS, &flags) == 0);
        CHECK(flags == expected);
        flags |= FS_NODUMP_FL;
        CHECK(::ioctl(file, FS_IOC_SETFLAGS, &flags) == 0);
        CHECK(::ioctl(below, FS_IOC_GETFLAGS, &expected) == 0);
        CHECK((expected & FS_NODUMP_FL) != 0);
        ::close(file);
        ::close(below);
    }

    TEST_CASE("what was written before a file became immutable is written back")
    {
        require_fuse();
        require_root();
        MountedDaemon mount;
        const int file = ::open((mount / "file").c_str(), O_CREAT | O_RDWR, 0644);
        REQUIRE(file >= 0);
        int flags = 0;
        if (::ioctl(file, FS_IOC_GETFLAGS, &flags) == -1) {
            ::close(file);
            MESSAGE("the folder for tests lies on a file system without inode flags");
            return;
        }
        CHECK(::write(file, "before", 6) == 6);
        const int immutable = flags | FS_IMMUTABLE_FL;
        CHECK(::ioctl(file, FS_IOC_SETFLAGS, &immutable) == 0);
        CHECK(::fsync(file) == 0);
        CHECK(content_of(mount.below("file")) == "before");
        const timespec times[2] = {{.tv_sec = 0, .tv_nsec = UTIME_OMIT}, {.tv_sec = 5, .tv_nsec = 5}};
        CHECK(errno_of([&] { return ::futimens(file, times); }) == EPERM);
        CHECK(::ioctl(file, FS_IOC_SETFLAGS, &flags) == 0);
        CHECK(::close(file) == 0);
    }

    TEST_CASE("what is created on a private mount belongs to root, with the caller's umask")
    {
        require_fuse();
        MountedDaemon mount;
        const auto before = ::umask(027);
        write_file(mount / "file", "");
        ::mkdir((mount / "folder").c_str(), 0777);
        ::umask(before);
        CHECK(status_of(mount.below("file")).st_uid == 0);
        CHECK((status_of(mount.below("folder")).st_mode & 0777) == 0750);
    }

    TEST_CASE("a shared mount enforces modes, and gives each what it creates")
    {
        require_fuse();
        require_root();
        MountedDaemon mount(false, {.shared = true}, ",allow_other,default_permissions");
        ::chmod(mount.path().c_str(), 0777);
        write_file(mount / "secret", "secret");
        ::chmod((mount / "secret").c_str(), 0600);
        const auto as = [&](uid_t user, auto&& act) {
            return as_user(user, mount.path(), [&] { return errno_of(act); });
        };
        CHECK(as(1234, [] { return ::open("secret", O_RDONLY); }) == EACCES);
        CHECK(as(1234, [] { return ::open("own", O_CREAT | O_RDWR, 0644); }) == 0);
        CHECK(status_of(mount.below("own")).st_uid == 1234);
        CHECK(status_of(mount.below("own")).st_gid == 1234);
        CHECK(as(1235, [] { return ::open("own", O_RDWR); }) == EACCES);
        CHECK(as(1235, [] { return ::unlink("own"); }) == 0);
    }

    TEST_CASE("set-id bits go when somebody else than root writes")
    {
        require_fuse();
        require_root();
        MountedDaemon mount(false, {.shared = true}, ",allow_other,default_permissions");
        ::chmod(mount.path().c_str(), 0777);
        const auto path = mount / "file";
        const auto write_as = [&](uid_t user) {
            return as_user(user, mount.path(), [] {
                const int file = ::open("file", O_RDWR);
                const bool written = file >= 0 && ::write(file, "x", 1) == 1;
                return written && ::close(file) == 0 ? 0 : 1;
            });
        };
        write_file(path, "");
        REQUIRE(::chmod(path.c_str(), 06777) == 0);
        CHECK(write_as(0) == 0);
        CHECK((status_of(path).st_mode & 07777) == 06777);
        CHECK(write_as(1234) == 0);
        CHECK((status_of(mount.below("file")).st_mode & 07777) == 0777);
        REQUIRE(::chmod(path.c_str(), 06777) == 0);
        CHECK(as_user(1234, mount.path(), [] { return ::truncate("file", 0) == 0 ? 0 : 1; }) == 0);
        CHECK((status_of(path).st_mode & 07777) == 0777);
        REQUIRE(::chmod(path.c_str(), 04777) == 0);
        REQUIRE(::chown(path.c_str(), 1, 1) == 0);
        CHECK((status_of(path).st_mode & 07777) == 0777);
    }

    TEST_CASE("owners and modes are shown as the options say")
    {
        require_fuse();
        MountedDaemon mount(false, {.uid = 4321, .gid = 4322, .umask = 027});
        write_file(mount / "file", "");
        const auto status = status_of(mount / "file");
        CHECK(status.st_uid == 4321);
        CHECK(status.st_gid == 4322);
        CHECK((status.st_mode & 07777) == 0750);
        CHECK(status_of(mount.below("file")).st_uid == 4321);
        CHECK((status_of(mount.below("file")).st_mode & 0777) == 0640);
    }
}
