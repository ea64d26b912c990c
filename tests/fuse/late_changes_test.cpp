// SPDX-License-Identifier: GPL-2.0-or-later
//
// Changes that are answered before the guest has made them.
#include "tests/fuse/mounted_daemon.hpp"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

using namespace gm;
using namespace gm::test;

namespace {

constexpr timespec kTimes[2] = {{.tv_sec = 1'000'000, .tv_nsec = 1}, {.tv_sec = 2'000'000, .tv_nsec = 2}};

// Whether the file system of the tests' folder tells immutable files from others: only there is anything late.
bool tells_fixed(MountedDaemon& mount, const std::string& leaf)
{
    return !mount.daemon().must<rpc::GetAttr>({{kRoot, leaf}, rpc::HandleId::none}).attr.fixed;
}

} // namespace

TEST_SUITE("fuse")
{
    TEST_CASE("a changed file costs few calls, and is what it was made to be for whoever asks, at once and later")
    {
        require_fuse();
        require_root();
        MountedDaemon mount;
        write_file(mount / "probe", "");
        const bool late = tells_fixed(mount, "probe");
        const auto before = mount.daemon().link().calls_begun();
        constexpr int kFiles = 50;
        for (int i = 0; i < kFiles; ++i) {
            const auto path = mount / std::to_string(i);
            const int file = ::open(path.c_str(), O_CREAT | O_EXCL | O_WRONLY, 0600);
            REQUIRE(file >= 0);
            CHECK(::futimens(file, kTimes) == 0);
            CHECK(::fchown(file, 1000 + static_cast<uid_t>(i), 5) == 0);
            CHECK(::fchmod(file, 02755) == 0);
            CHECK(::close(file) == 0);
        }
        if (late) {
            CHECK(mount.daemon().link().calls_begun() - before < 3 * kFiles); // a lookup, a creation
        }
        for (int i = 0; i < kFiles; ++i) {
            CAPTURE(i);
            const auto shown = status_of(mount / std::to_string(i));
            const auto real = status_of(mount.below(std::to_string(i)));
            CHECK(shown.st_mode == (S_IFREG | 02755));
            CHECK(shown.st_uid == 1000U + static_cast<unsigned>(i));
            CHECK(shown.st_gid == 5);
            CHECK(shown.st_mtim.tv_nsec == 2);
            CHECK(real.st_mode == shown.st_mode);
            CHECK(real.st_uid == shown.st_uid);
            CHECK(real.st_atim.tv_sec == 1'000'000);
            CHECK(real.st_mtim.tv_nsec == 2);
        }
    }

    TEST_CASE("what is asked after a change is answered after it")
    {
        require_fuse();
        require_root();
        MountedDaemon mount;
        REQUIRE(::mkdir((mount / "folder").c_str(), 0700) == 0);
        for (int i = 0; i < 20; ++i) {
            const auto path = mount / fmt::format("folder/{}", i);
            write_file(path, "content");
            CHECK(::setxattr(path.c_str(), "security.capability", "\x01\0\0\x02\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20,
                             0) == 0);
            CHECK(::chmod(path.c_str(), 04755) == 0);
            CHECK(::chown(path.c_str(), 7, 7) == 0); // takes set-id bits and capabilities away
            CHECK(status_of(path).st_mode == (S_IFREG | 0755));
            CHECK(errno_of([&] {
                      return static_cast<int>(::getxattr(path.c_str(), "security.capability", nullptr, 0));
                  }) == ENODATA);
            CHECK(::chmod(path.c_str(), 06711) == 0);
            CHECK(::chown(path.c_str(), static_cast<uid_t>(-1), static_cast<gid_t>(-1)) == 0);
            CHECK(::link(path.c_str(), (mount / fmt::format("folder/also{}", i)).c_str()) == 0);
            const auto device = mount / fmt::format("folder/device{}", i);
            CHECK(::mknod(device.c_str(), S_IFCHR | 0600, makedev(1, 3)) == 0);
            CHECK(::chmod(device.c_str(), 04755) == 0);
            CHECK(::chown(device.c_str(), static_cast<uid_t>(-1), static_cast<gid_t>(-1)) == 0);
            CHECK(status_of(device).st_mode == (S_IFCHR | 0755));
            const auto shown = status_of(path);
            CHECK(shown.st_mode == (S_IFREG | 0711));
            CHECK(shown.st_nlink == 2);
            const auto folder_before = status_of(mount / "folder");
            CHECK(::chmod((mount / "folder").c_str(), 0755) == 0);
            const auto folder = status_of(mount / "folder");
            CHECK(folder.st_mode == (S_IFDIR | 0755));
            CHECK(folder.st_ctim.tv_nsec == status_of(mount.below("folder")).st_ctim.tv_nsec);
            CHECK(folder.st_mtim.tv_nsec == folder_before.st_mtim.tv_nsec);
            CHECK(::utimensat(AT_FDCWD, path.c_str(), kTimes, 0) == 0);
            CHECK(::rename(path.c_str(), (mount / fmt::format("moved{}", i)).c_str()) == 0);
            CHECK(status_of(mount.below(fmt::format("moved{}", i))).st_mtim.tv_nsec == 2);
        }
    }

    TEST_CASE("a change that fails after it was answered is told by the next fsync of that file")
    {
        require_fuse();
        require_root();
        MountedDaemon mount;
        const int file = ::open((mount / "file").c_str(), O_CREAT | O_RDWR, 0644);
        const int other = ::open((mount / "other").c_str(), O_CREAT | O_RDWR, 0644);
        REQUIRE(file >= 0);
        REQUIRE(other >= 0);
        const int below = ::open(mount.below("file").c_str(), O_RDONLY);
        int flags = 0;
        int immutable = FS_IMMUTABLE_FL;
        if (!tells_fixed(mount, "file") || ::ioctl(below, FS_IOC_GETFLAGS, &flags) == -1 ||
            ::ioctl(below, FS_IOC_SETFLAGS, &immutable) == -1) {
            MESSAGE("the folder for tests lies on a file system without inode flags");
        } else { // behind the mount's back, as a failing drive would
            CHECK(::fchmod(file, 0600) == 0);
            CHECK(::fchmod(other, 0600) == 0);
            CHECK(::fsync(other) == 0);
            CHECK(errno_of([&] { return ::fsync(file); }) == EPERM);
            CHECK(::fsync(file) == 0);
            CHECK(::write(file, "lost", 4) == 4);
            CHECK(errno_of([&] { return ::fsync(file); }) == EPERM);
            CHECK(status_of(mount / "file").st_mode == (S_IFREG | 0644));
            CHECK(status_of(mount / "other").st_mode == (S_IFREG | 0600));
            ::ioctl(below, FS_IOC_SETFLAGS, &flags);
        }
        ::close(below);
        ::close(file);
        ::close(other);
    }

    TEST_CASE("small files cost about one call each, and hold what was written, at once and later")
    {
        require_fuse();
        require_root();
        MountedDaemon mount;
        write_file(mount / "probe", "");
        const bool late = tells_fixed(mount, "probe");
        REQUIRE(::mkdir((mount / "folder").c_str(), 0755) == 0);
        const auto before = mount.daemon().link().calls_begun();
        constexpr int kFiles = 50;
        const auto content = [](int i) {
            return fmt::format("{} of many\n", i) + std::string(static_cast<std::size_t>(i) * 400, 'x');
        };
        for (int i = 0; i < kFiles; ++i) {
            write_file(mount / fmt::format("folder/f{}", i), content(i));
        }
        if (late) {
            CHECK(mount.daemon().link().calls_begun() - before < kFiles + 10);
        }
        for (int i = 0; i < kFiles; ++i) {
            const auto path = mount / fmt::format("folder/f{}", i);
            CHECK(content_of(mount.below(fmt::format("folder/f{}", i))) == content(i));
            const int file = ::open(path.c_str(), O_WRONLY | O_APPEND);
            REQUIRE(file >= 0);
            CHECK(::write(file, "more", 4) == 4);
            CHECK(::close(file) == 0);
            const int direct = ::open(path.c_str(), O_RDONLY | O_DIRECT); // past the page cache
            REQUIRE(direct >= 0);
            alignas(4096) static char buffer[65536];
            const auto got = ::read(direct, buffer, sizeof buffer);
            CHECK(std::string_view(buffer, static_cast<std::size_t>(std::max<ssize_t>(got, 0))) == content(i) + "more");
            CHECK(::close(direct) == 0);
            CHECK(::truncate(path.c_str(), 3) == 0);
            CHECK(content_of(mount.below(fmt::format("folder/f{}", i))) == content(i).substr(0, 3));
        }
    }

    TEST_CASE("what nobody asks for is done before long")
    {
        require_fuse();
        require_root();
        MountedDaemon mount;
        const int file = ::open((mount / "file").c_str(), O_CREAT | O_RDWR, 0644);
        REQUIRE(file >= 0);
        const auto path = mount.below("file");
        CHECK(::fchmod(file, 0600) == 0);
        const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds{10};
        while (status_of(path).st_mode != (S_IFREG | 0600) && std::chrono::steady_clock::now() < limit) {
            std::this_thread::yield();
        }
        CHECK(status_of(path).st_mode == (S_IFREG | 0600));
        ::close(file);
    }

    TEST_CASE("in a folder that was made here, names that are not there cost no call, and others are found")
    {
        require_fuse();
        require_root();
        MountedDaemon mount;
        REQUIRE(::mkdir((mount / "New").c_str(), 0755) == 0);
        write_file(mount / "outside", "1");
        REQUIRE(::mkdir((mount / "From").c_str(), 0755) == 0);
        write_file(mount / "From/moved", "2");
        const bool exact = tells_fixed(mount, "New");
        const auto before = mount.daemon().link().calls_begun();
        const auto missing = [&](const std::string& leaf) {
            return errno_of([&] { return ::access((mount / ("New/" + leaf)).c_str(), F_OK); }) == ENOENT;
        };
        for (int i = 0; i < 20; ++i) {
            CHECK(missing(fmt::format("absent{}", i)));
        }
        if (exact) {
            CHECK(mount.daemon().link().calls_begun() == before);
        }
        write_file(mount / "New/file", "3");
        REQUIRE(::rename((mount / "From/moved").c_str(), (mount / "New/absent1").c_str()) == 0);
        REQUIRE(::link((mount / "outside").c_str(), (mount / "New/absent2").c_str()) == 0);
        REQUIRE(::symlink("x", (mount / "New/absent3").c_str()) == 0);
        REQUIRE(::mkdir((mount / "New/absent4").c_str(), 0755) == 0);
        REQUIRE(::mknod((mount / "New/absent5").c_str(), S_IFIFO | 0600, 0) == 0);
        CHECK(content_of(mount / "New/file") == "3");
        CHECK(content_of(mount / "New/absent1") == "2");
        CHECK(content_of(mount / "New/absent2") == "1");
        for (const auto* leaf : {"New/absent3", "New/absent4", "New/absent5"}) {
            CHECK(status_of(mount / leaf).st_ino == status_of(mount.below(leaf)).st_ino);
        }
        REQUIRE(::unlink((mount / "New/file").c_str()) == 0);
        CHECK(missing("file"));
        write_file(mount / "New/file", "4");
        CHECK(content_of(mount / "New/file") == "4");
        REQUIRE(::rename((mount / "New").c_str(), (mount / "Newer").c_str()) == 0);
        CHECK(content_of(mount / "Newer/file") == "4");
        CHECK(errno_of([&] { return ::access((mount / "Newer/none").c_str(), F_OK); }) == ENOENT);
    }
}
