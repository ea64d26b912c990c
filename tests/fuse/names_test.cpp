// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/fuse/mounted_daemon.hpp"

#include <linux/fs.h>

using namespace gm::test;

namespace {

int rename_with(const std::string& from, const std::string& to, unsigned flags)
{
    return ::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), flags);
}

// Everything stat(2) tells is the same through the mount and below. Change times of files that were written are the
// host kernel's own while it has the file.
void check_same(const MountedDaemon& mount, std::string_view leaf)
{
    const auto found = status_of(mount / leaf);
    const auto expected = status_of(mount.below(leaf));
    CAPTURE(std::string(leaf));
    CHECK(found.st_ino == expected.st_ino);
    CHECK(found.st_mode == expected.st_mode);
    CHECK(found.st_nlink == expected.st_nlink);
    CHECK(found.st_uid == expected.st_uid);
    CHECK(found.st_gid == expected.st_gid);
    CHECK(found.st_size == expected.st_size);
    const auto later = (expected.st_mtim.tv_sec - found.st_mtim.tv_sec) * 1'000'000'000 + expected.st_mtim.tv_nsec -
                       found.st_mtim.tv_nsec;
    CHECK(later >= 0);
    CHECK(later < (S_ISREG(found.st_mode) ? 20'000'000 : 1));
}

} // namespace

TEST_SUITE("fuse")
{
    TEST_CASE("hard links are one inode with one count in every name at once")
    {
        require_fuse();
        MountedDaemon mount;
        write_file(mount / "a", "text");
        REQUIRE(::link((mount / "a").c_str(), (mount / "b").c_str()) == 0);
        CHECK(status_of(mount / "a").st_nlink == 2);
        CHECK(status_of(mount / "a").st_ino == status_of(mount / "b").st_ino);
        REQUIRE(::link((mount / "b").c_str(), (mount / "c").c_str()) == 0);
        CHECK(status_of(mount / "a").st_nlink == 3);
        REQUIRE(::unlink((mount / "a").c_str()) == 0);
        CHECK(status_of(mount / "b").st_nlink == 2);
        CHECK(status_of(mount / "c").st_nlink == 2);
        CHECK(content_of(mount / "c") == "text");
        write_file(mount / "b", "other");
        CHECK(content_of(mount / "c") == "other");
        check_same(mount, "c");
    }

    TEST_CASE("with ignore_case a name is found whatever its case, and the exact one first")
    {
        require_fuse();
        const auto fill = [](const MountedDaemon& mount) {
            REQUIRE(::mkdir(mount.below("Windows").c_str(), 0755) == 0);
            REQUIRE(::mkdir(mount.below("Windows/System32").c_str(), 0755) == 0);
            write_file(mount.below("Windows/System32/\xc3\x9c"
                                   "ber.TXT"),
                       "content");
            write_file(mount.below("readme"), "lower");
            write_file(mount.below("README"), "upper");
            REQUIRE(::symlink("WINDOWS/system32", mount.below("link").c_str()) == 0);
            for (int i = 0; i < 3000; ++i) {
                write_file(mount.below("Windows/entry " + std::to_string(i)), "");
            }
            write_file(mount.below("Windows/Zuletzt"), "last");
        };
        {
            const MountedDaemon mount(true, {}, "", true);
            fill(mount);
            CHECK(content_of(mount / "WINDOWS/SYSTEM32/\xc3\xbc"
                                     "BER.txt") == "content");
            CHECK(content_of(mount / "windows/zuletzt") == "last");
            CHECK(content_of(mount / "link/\xc3\x9c"
                                     "BER.TXT") == "content");
            CHECK(content_of(mount / "readme") == "lower");
            CHECK(content_of(mount / "README") == "upper");
            CHECK(status_of(mount / "wINDOWS").st_ino == status_of(mount.below("Windows")).st_ino);
            CHECK(errno_of([&] { return ::access((mount / "windowz").c_str(), F_OK); }) == ENOENT);
            CHECK(errno_of([&] { return ::access((mount / "Windows/ntldr").c_str(), F_OK); }) == ENOENT);
        }
        const MountedDaemon exact(true);
        fill(exact);
        CHECK(errno_of([&] { return ::access((exact / "windows").c_str(), F_OK); }) == ENOENT);
    }

    TEST_CASE("a folder's count and time follow what happens in it")
    {
        require_fuse();
        MountedDaemon mount;
        REQUIRE(::mkdir((mount / "folder").c_str(), 0755) == 0);
        for (const char* leaf : {"folder/one", "folder/two"}) {
            REQUIRE(::mkdir((mount / leaf).c_str(), 0755) == 0);
            check_same(mount, "folder");
            check_same(mount, "");
        }
        REQUIRE(::rename((mount / "folder/one").c_str(), (mount / "moved").c_str()) == 0);
        check_same(mount, "folder");
        check_same(mount, "moved");
        check_same(mount, "");
        REQUIRE(::rmdir((mount / "folder/two").c_str()) == 0);
        check_same(mount, "folder");
        write_file(mount / "folder/file", "");
        check_same(mount, "folder");
        REQUIRE(::unlink((mount / "folder/file").c_str()) == 0);
        check_same(mount, "folder");
    }

    TEST_CASE("rename replaces, refuses and exchanges")
    {
        require_fuse();
        MountedDaemon mount;
        write_file(mount / "a", "a");
        write_file(mount / "b", "b");
        CHECK(errno_of([&] { return rename_with(mount / "a", mount / "b", RENAME_NOREPLACE); }) == EEXIST);
        CHECK(errno_of([&] { return rename_with(mount / "a", mount / "b", RENAME_EXCHANGE); }) == 0);
        CHECK(content_of(mount / "a") == "b");
        CHECK(content_of(mount / "b") == "a");
        CHECK(errno_of([&] { return rename_with(mount / "a", mount / "b", 0); }) == 0);
        CHECK(content_of(mount / "b") == "b");
        CHECK(errno_of([&] { return ::access((mount / "a").c_str(), F_OK); }) == ENOENT);
        check_same(mount, "b");
    }

    TEST_CASE("what lies below a renamed folder is reached by its new name")
    {
        require_fuse();
        MountedDaemon mount;
        REQUIRE(::mkdir((mount / "old").c_str(), 0755) == 0);
        REQUIRE(::mkdir((mount / "old/sub").c_str(), 0755) == 0);
        write_file(mount / "old/sub/file", "text");
        const int open = ::open((mount / "old/sub/file").c_str(), O_RDWR);
        REQUIRE(open >= 0);
        REQUIRE(::rename((mount / "old").c_str(), (mount / "new").c_str()) == 0);
        CHECK(content_of(mount / "new/sub/file") == "text");
        REQUIRE(::fchmod(open, 0600) == 0);
        CHECK((status_of(mount.below("new/sub/file")).st_mode & 07777) == 0600);
        REQUIRE(::rename((mount / "new/sub/file").c_str(), (mount / "file").c_str()) == 0);
        REQUIRE(::fchmod(open, 0640) == 0);
        CHECK((status_of(mount.below("file")).st_mode & 07777) == 0640);
        ::close(open);
    }

    TEST_CASE("a pipe that is open lives on without a name, and so does what a path descriptor holds")
    {
        require_fuse();
        MountedDaemon mount;
        const auto path = mount / "pipe";
        REQUIRE(::mkfifo(path.c_str(), 0644) == 0);
        write_file(mount / "file", "12345");
        const int pipe = ::open(path.c_str(), O_RDWR);
        const int file = ::open((mount / "file").c_str(), O_PATH);
        REQUIRE(pipe >= 0);
        REQUIRE(file >= 0);
        REQUIRE(::unlink(path.c_str()) == 0);
        REQUIRE(::unlink((mount / "file").c_str()) == 0);
        CHECK(::fchmod(pipe, 0600) == 0);
        struct stat status = {};
        CHECK(::fstat(pipe, &status) == 0);
        CHECK(status.st_mode == (S_IFIFO | 0600));
        CHECK(status.st_nlink == 0);
        CHECK(::fstat(file, &status) == 0);
        CHECK(status.st_nlink == 0);
        CHECK(status.st_size == 5);
        ::close(pipe);
        ::close(file);
    }

    TEST_CASE("an open file lives on without a name")
    {
        require_fuse();
        MountedDaemon mount;
        write_file(mount / "file", "before");
        const int reader = ::open((mount / "file").c_str(), O_RDONLY);
        const int writer = ::open((mount / "file").c_str(), O_RDWR);
        REQUIRE(::unlink((mount / "file").c_str()) == 0);
        write_file(mount / "file", "another file of this name");
        char buffer[32] = {};
        CHECK(::pread(reader, buffer, sizeof buffer, 0) == 6);
        CHECK(std::string(buffer) == "before");
        CHECK(::pwrite(writer, "after!", 6, 0) == 6);
        CHECK(::fsync(writer) == 0);
        CHECK(::pread(reader, buffer, sizeof buffer, 0) == 6);
        CHECK(std::string(buffer) == "after!");
        struct stat status = {};
        REQUIRE(::fstat(writer, &status) == 0);
        CHECK(status.st_nlink == 0);
        REQUIRE(::fchmod(writer, 0600) == 0);
        REQUIRE(::ftruncate(writer, 3) == 0);
        REQUIRE(::fstat(reader, &status) == 0);
        CHECK(status.st_size == 3);
        ::close(reader);
        ::close(writer);
        CHECK(content_of(mount.below("file")) == "another file of this name");
        CHECK((status_of(mount.below("file")).st_mode & 07777) == 0644);
    }

    TEST_CASE("a file made anew is never taken for the removed one")
    {
        require_fuse();
        MountedDaemon mount;
        for (int i = 0; i < 50; ++i) {
            const std::string text(static_cast<std::size_t>(i), 'x');
            write_file(mount / "file", text);
            CHECK(content_of(mount / "file") == text);
            check_same(mount, "file");
            REQUIRE(::unlink((mount / "file").c_str()) == 0);
            REQUIRE(::mkdir((mount / "file").c_str(), 0700) == 0);
            check_same(mount, "file");
            REQUIRE(::rmdir((mount / "file").c_str()) == 0);
        }
    }

    TEST_CASE("names fail as they do below")
    {
        require_fuse();
        MountedDaemon mount;
        REQUIRE(::mkdir((mount / "folder").c_str(), 0755) == 0);
        write_file(mount / "folder/file", "");
        CHECK(errno_of([&] { return ::rmdir((mount / "folder").c_str()); }) == ENOTEMPTY);
        CHECK(errno_of([&] { return ::unlink((mount / "folder").c_str()); }) == EISDIR);
        CHECK(errno_of([&] { return ::rmdir((mount / "folder/file").c_str()); }) == ENOTDIR);
        CHECK(errno_of([&] { return ::mkdir((mount / "folder").c_str(), 0755); }) == EEXIST);
        CHECK(errno_of([&] { return ::mkdir((mount / std::string(256, 'n')).c_str(), 0755); }) == ENAMETOOLONG);
        CHECK(errno_of([&] { return ::mkdir((mount / std::string(255, 'n')).c_str(), 0755); }) == 0);
        CHECK(errno_of([&] { return ::rename((mount / "folder").c_str(), (mount / "folder/in").c_str()); }) == EINVAL);
        CHECK(errno_of([&] { return ::symlink("loop", (mount / "loop").c_str()); }) == 0);
        CHECK(errno_of([&] { return ::open((mount / "loop").c_str(), O_RDONLY); }) == ELOOP);
    }

    TEST_CASE("an object is found again by its handle")
    {
        require_fuse();
        require_root();
        MountedDaemon mount;
        REQUIRE(::mkdir((mount / "folder").c_str(), 0755) == 0);
        write_file(mount / "folder/file", "text");
        alignas(file_handle) std::byte bytes[sizeof(file_handle) + MAX_HANDLE_SZ] = {};
        auto* handle = reinterpret_cast<file_handle*>(bytes); // a head with its bytes behind it, as the call wants it
        handle->handle_bytes = MAX_HANDLE_SZ;
        int mount_id = 0;
        REQUIRE(::name_to_handle_at(AT_FDCWD, (mount / "folder/file").c_str(), handle, &mount_id, 0) == 0);
        const int root = ::open(mount.path().c_str(), O_RDONLY | O_DIRECTORY);
        const int file = ::open_by_handle_at(root, handle, O_RDONLY);
        CHECK(file >= 0);
        char buffer[8] = {};
        CHECK(::read(file, buffer, sizeof buffer) == 4);
        ::close(file);
        REQUIRE(::unlink((mount / "folder/file").c_str()) == 0);
        CHECK(errno_of([&] { return ::open_by_handle_at(root, handle, O_RDONLY); }) == ESTALE);
        ::close(root);
    }
}
