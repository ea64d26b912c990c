// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/fuse/mounted_daemon.hpp"
#include "tests/support/tree.hpp"

#include <dirent.h>
#include <set>
#include <sys/statvfs.h>
#include <sys/xattr.h>

using namespace gm::test;

namespace {

void fill(const MountedDaemon& mount)
{
    ::mkdir(mount.below("folder").c_str(), 0755);
    write_file(mount.below("folder/file"), std::string(300'000, 'x'));
    write_file(mount.below("empty"), "");
    write_file(mount.below("odd \n\xff name"), "text");
    ::link(mount.below("empty").c_str(), mount.below("folder/hard link").c_str());
    ::symlink("folder/file", mount.below("symbolic").c_str());
    ::mkfifo(mount.below("fifo").c_str(), 0600);
    ::chmod(mount.below("folder/file").c_str(), 0640);
    ::setxattr(mount.below("folder/file").c_str(), "user.note", "a\0b", 3, 0);
    for (int i = 0; i < 3000; ++i) {
        write_file(mount.below("folder/entry " + std::to_string(i)), std::to_string(i));
    }
}

std::vector<std::string> names_in(DIR* folder)
{
    std::vector<std::string> names;
    while (const dirent* entry = ::readdir(folder)) {
        names.emplace_back(entry->d_name);
    }
    return names;
}

} // namespace

TEST_SUITE("fuse")
{
    TEST_CASE("a tree is the same through a read-only mount and below")
    {
        require_fuse();
        MountedDaemon mount(true);
        fill(mount);
        const auto expected = scan_tree(mount.below());
        const auto found = scan_tree(mount.path());
        REQUIRE_MESSAGE(expected.ok(), problem(expected));
        REQUIRE_MESSAGE(found.ok(), problem(found));
        CHECK(expected->size() > 3000);
        CHECK(differences(*expected, *found) == std::vector<std::string>{});
    }

    TEST_CASE("a tree is the same through a writable mount and below")
    {
        require_fuse();
        MountedDaemon mount;
        fill(mount);
        const auto expected = scan_tree(mount.below());
        const auto found = scan_tree(mount.path());
        REQUIRE_MESSAGE(found.ok(), problem(found));
        CHECK(differences(*expected, *found) == std::vector<std::string>{});
    }

    TEST_CASE("a read-only mount refuses every change with EROFS")
    {
        require_fuse();
        MountedDaemon mount(true);
        fill(mount);
        CHECK(errno_of([&] { return ::open((mount / "empty").c_str(), O_RDWR); }) == EROFS);
        CHECK(errno_of([&] { return ::open((mount / "new").c_str(), O_CREAT | O_WRONLY, 0600); }) == EROFS);
        CHECK(errno_of([&] { return ::unlink((mount / "empty").c_str()); }) == EROFS);
        CHECK(errno_of([&] { return ::chmod((mount / "empty").c_str(), 0600); }) == EROFS);
        CHECK(errno_of([&] { return ::mkdir((mount / "new").c_str(), 0700); }) == EROFS);
        CHECK(errno_of([&] { return ::setxattr((mount / "empty").c_str(), "user.x", "", 0, 0); }) == EROFS);
    }

    TEST_CASE("a position in a folder is found again")
    {
        require_fuse();
        MountedDaemon mount;
        fill(mount);
        DIR* folder = ::opendir((mount / "folder").c_str());
        REQUIRE(folder != nullptr);
        for (int i = 0; i < 1234; ++i) {
            ::readdir(folder);
        }
        const long position = ::telldir(folder);
        const auto rest = names_in(folder);
        ::seekdir(folder, position);
        CHECK(names_in(folder) == rest);
        ::rewinddir(folder);
        CHECK(names_in(folder).size() == 3000 + 4);
        ::closedir(folder);
    }

    TEST_CASE("every entry that stays is listed once while others come and go")
    {
        require_fuse();
        MountedDaemon mount;
        fill(mount);
        DIR* folder = ::opendir((mount / "folder").c_str());
        std::multiset<std::string> seen;
        for (int i = 0; const dirent* entry = ::readdir(folder); ++i) {
            seen.insert(entry->d_name);
            if (i % 3 == 0 && i < 2900) {
                ::unlink((mount / ("folder/entry " + std::to_string(2 * (i / 2)))).c_str()); // even ones go
                write_file(mount / ("folder/new " + std::to_string(i)), "");
            }
        }
        ::closedir(folder);
        for (int i = 1; i < 3000; i += 2) {
            CHECK(seen.count("entry " + std::to_string(i)) == 1);
        }
        // What was removed is gone at once, whatever was in a page read before.
        CHECK(errno_of([&] { return ::access((mount / "folder/entry 0").c_str(), F_OK); }) == ENOENT);
        const auto found = scan_tree(mount.path(), {.contents = false});
        const auto expected = scan_tree(mount.below(), {.contents = false});
        CHECK(differences(*expected, *found) == std::vector<std::string>{});
    }

    TEST_CASE("a name that does not exist is ENOENT until it is made")
    {
        require_fuse();
        MountedDaemon mount;
        CHECK(errno_of([&] { return ::access((mount / "name").c_str(), F_OK); }) == ENOENT);
        CHECK(errno_of([&] { return ::access((mount / "name").c_str(), F_OK); }) == ENOENT);
        write_file(mount / "name", "");
        CHECK(errno_of([&] { return ::access((mount / "name").c_str(), F_OK); }) == 0);
    }

    TEST_CASE("the file system's figures are those below")
    {
        require_fuse();
        MountedDaemon mount;
        struct statvfs expected = {};
        struct statvfs found = {};
        REQUIRE(::statvfs(mount.below().c_str(), &expected) == 0);
        REQUIRE(::statvfs(mount.path().c_str(), &found) == 0);
        CHECK(found.f_blocks == expected.f_blocks);
        CHECK(found.f_frsize == expected.f_frsize);
        CHECK(found.f_files == expected.f_files);
        CHECK(found.f_namemax == expected.f_namemax);
    }
}
