// SPDX-License-Identifier: GPL-2.0-or-later
//
// Disks that end, guests that fail, folders without end.
#include "tests/support/guest_mount.hpp"
#include "tests/support/loop_mount.hpp"
#include "tests/support/program.hpp"
#include "tests/support/requirements.hpp"
#include "tests/support/scratch.hpp"

#include <algorithm>
#include <cerrno>
#include <dirent.h>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <map>
#include <set>
#include <sys/stat.h>
#include <unistd.h>

namespace {

using namespace gm::test;

void require_all()
{
    require_fuse();
    require_vm();
    require_root();
}

std::string new_ext4(const Scratch& folder, const char* size, const char* inodes = "16384")
{
    const std::string image = folder / "disk.img";
    must_run({"truncate", "-s", size, image});
    must_run({"mkfs.ext4", "-qF", "-m", "0", "-N", inodes, image});
    return image;
}

// 0, or the errno with which a file could not be written whole and closed; with `synced` also not fsync'ed.
int put(const std::string& path, const std::string& content, bool synced)
{
    const int file = ::open(path.c_str(), O_CREAT | O_EXCL | O_WRONLY, 0644);
    if (file == -1) {
        return errno;
    }
    int failed = ::write(file, content.data(), content.size()) == static_cast<ssize_t>(content.size()) ? 0 : errno;
    if (synced && ::fsync(file) == -1 && failed == 0) {
        failed = errno;
    }
    if (::close(file) == -1 && failed == 0) {
        failed = errno;
    }
    return failed;
}

std::string content_for(int number)
{
    std::string content = std::to_string(number) + "\n";
    content.resize(60'000, static_cast<char>('a' + number % 26));
    return content;
}

std::uint64_t allocated(const std::string& path)
{
    struct stat status = {};
    REQUIRE(::stat(path.c_str(), &status) == 0);
    return static_cast<std::uint64_t>(status.st_blocks) * 512;
}

} // namespace

TEST_SUITE("e2e")
{
    // Small files are answered before the guest has them as long as there is room, so the end must be seen in time.
    TEST_CASE("a disk that becomes full says so, and holds everything that was not refused")
    {
        require_all();
        const Scratch folder("full");
        const auto image = new_ext4(folder, "500M");
        std::map<int, int> outcomes; // by the file's number
        {
            GuestMount mount({"-a", image, "-m", "/dev/sda", "--rw"});
            must_run({"fallocate", "-l", "300M", mount / "filler"});
            int refused = 0;
            for (int i = 0; refused < 20 && i < 10'000; ++i) {
                outcomes[i] = put(mount / std::to_string(i), content_for(i), i % 50 == 0);
                refused += outcomes[i] != 0 ? 1 : 0;
            }
            CHECK(refused == 20);
            CHECK(std::ranges::all_of(outcomes,
                                      [](const auto& each) { return each.second == 0 || each.second == ENOSPC; }));
            // Room again, and all is well.
            REQUIRE(::unlink((mount / "filler").c_str()) == 0);
            CHECK(put(mount / "after", content_for(4711), true) == 0);
            mount.unmount();
        }
        must_run({"e2fsck", "-fn", image});
        const LoopMount loop(image);
        int lost = 0;
        for (const auto& [number, outcome] : outcomes) {
            lost += outcome == 0 && content_of(loop / std::to_string(number)) != content_for(number) ? 1 : 0;
        }
        CHECK(outcomes.size() > 1000);
        CHECK(lost == 0);
        CHECK(content_of(loop / "after") == content_for(4711));
    }

    TEST_CASE("a guest whose file system gave up writing answers EROFS, and what it holds can still be read")
    {
        require_all();
        const Scratch folder("errors");
        const auto image = new_ext4(folder, "64M");
        {
            const LoopMount loop(image, "rw");
            write_file(loop / "sound", "sound");
            write_file(loop / "broken", "broken");
            must_run({"sync"});
        }
        must_run({"debugfs", "-w", "-R", "clri broken", image});
        GuestMount mount({"-a", image, "-m", "/dev/sda:/:errors=remount-ro", "--rw"});
        CHECK(put(mount / "before", "1", true) == 0);
        struct stat status = {};
        CHECK(::stat((mount / "broken").c_str(), &status) == -1);
        CHECK(put(mount / "late", "2", true) == EROFS);
        CHECK(::mkdir((mount / "folder").c_str(), 0755) == -1);
        CHECK(errno == EROFS);
        CHECK(content_of(mount / "sound") == "sound");
    }

    TEST_CASE("a read-only file system in a writable tree refuses each change at once")
    {
        require_all();
        const Scratch folder("part");
        const Scratch other("other");
        const auto image = new_ext4(folder, "64M");
        const auto fixed = new_ext4(other, "64M");
        {
            const LoopMount loop(image, "rw");
            must_run({"mkdir", loop / "fixed"});
        }
        {
            const LoopMount loop(fixed, "rw");
            write_file(loop / "file", "sound");
        }
        const GuestMount mount({"-a", image, "-a", fixed, "-m", "/dev/sda", "-m", "/dev/sdb:/fixed:ro", "--rw"});
        CHECK(put(mount / "file", "1", false) == 0);
        CHECK(::chmod((mount / "file").c_str(), 0600) == 0);
        struct stat status = {};
        CHECK(::stat((mount / "fixed/file").c_str(), &status) == 0);
        for (int i = 0; i < 2; ++i) {
            CHECK(::chmod((mount / "fixed/file").c_str(), 0600) == -1);
            CHECK(errno == EROFS);
        }
        CHECK(put(mount / "fixed/new", "1", false) == EROFS);
        CHECK(::chmod((mount / "file").c_str(), 0640) == 0);
    }

    TEST_CASE("what is trimmed in the guest is given back by the image")
    {
        require_all();
        const Scratch folder("trim");
        const auto image = new_ext4(folder, "300M");
        GuestMount mount({"-a", image, "-m", "/dev/sda", "--rw"});
        must_run({"dd", "if=/dev/urandom", "of=" + mount / "data", "bs=1M", "count=120", "conv=fsync", "status=none"});
        const auto full = allocated(image);
        CHECK(full > 120U << 20);
        REQUIRE(::unlink((mount / "data").c_str()) == 0);
        must_run({"sync", mount.path()}); // what is free is free once the journal says so
        must_run({"fstrim", mount.path()});
        CHECK(allocated(image) < full - (100U << 20));
        mount.unmount();
        must_run({"e2fsck", "-fn", image});
    }

    TEST_CASE("a folder of 200,000 entries is listed whole")
    {
        require_all();
        const Scratch folder("many");
        const auto image = new_ext4(folder, "400M", "210000");
        constexpr std::size_t kCount = 200'000;
        {
            const LoopMount loop(image, "rw");
            must_run({"sh", "-c", "mkdir \"$1/many\"; cd \"$1/many\"; seq -f 'entry-%06g' 200000 | xargs touch", "sh",
                      loop.path()});
        }
        const GuestMount mount({"-a", image, "-m", "/dev/sda", "--ro"});
        std::set<std::string> names;
        std::size_t listed = 0;
        DIR* const dir = ::opendir((mount / "many").c_str());
        REQUIRE(dir != nullptr);
        while (const dirent* entry = ::readdir(dir)) {
            ++listed;
            names.insert(entry->d_name);
        }
        ::closedir(dir);
        CHECK(listed == kCount + 2);
        CHECK(names.size() == kCount + 2);
        CHECK(names.contains("entry-000001"));
        CHECK(names.contains("entry-200000"));
        struct stat status = {};
        CHECK(::stat((mount / "many/entry-123456").c_str(), &status) == 0);
        CHECK(::stat((mount / "many/entry-200001").c_str(), &status) == -1);
    }
}
