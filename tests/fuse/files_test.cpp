// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/fuse/mounted_daemon.hpp"

#include <sys/file.h>
#include <sys/mman.h>

using namespace gm::test;

namespace {

class File {
public:
    File(const std::string& path, int flags, unsigned mode = 0644) : fd_(::open(path.c_str(), flags, mode))
    {
        REQUIRE_MESSAGE(fd_ >= 0, path);
    }
    File(const File&) = delete;
    File& operator=(const File&) = delete;
    ~File() { ::close(fd_); }
    operator int() const { return fd_; }

private:
    int fd_;
};

} // namespace

TEST_SUITE("fuse")
{
    TEST_CASE("what is written is read, before and after it is synced")
    {
        require_fuse();
        MountedDaemon mount;
        const std::string text(3'000'000, 'q');
        {
            File file(mount / "file", O_CREAT | O_RDWR);
            REQUIRE(::write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size()));
            CHECK(status_of(mount / "file").st_size == 3'000'000);
            CHECK(content_of(mount / "file") == text);
            REQUIRE(::fsync(file) == 0);
            CHECK(content_of(mount.below("file")) == text);
        }
        CHECK(status_of(mount / "file").st_blocks == status_of(mount.below("file")).st_blocks);
    }

    TEST_CASE("a part of a page is written by somebody who may only write")
    {
        require_fuse();
        MountedDaemon mount;
        write_file(mount.below("file"), std::string(10'000, 'a'));
        {
            File file(mount / "file", O_WRONLY);
            REQUIRE(::pwrite(file, "bbb", 3, 5000) == 3);
        }
        auto expected = std::string(10'000, 'a');
        expected.replace(5000, 3, "bbb");
        CHECK(content_of(mount.below("file")) == expected);
    }

    TEST_CASE("several writers append without losing anything")
    {
        require_fuse();
        MountedDaemon mount;
        std::vector<std::thread> writers;
        for (int writer = 0; writer < 4; ++writer) {
            writers.emplace_back([&mount, writer] {
                const int file = ::open((mount / "log").c_str(), O_CREAT | O_WRONLY | O_APPEND, 0644);
                for (int line = 0; line < 500; ++line) {
                    const std::string text(19, static_cast<char>('a' + writer));
                    static_cast<void>(::write(file, (text + "\n").data(), 20));
                }
                ::close(file);
            });
        }
        for (auto& writer : writers) {
            writer.join();
        }
        const auto text = content_of(mount.below("log"));
        REQUIRE(text.size() == 4U * 500 * 20);
        for (std::size_t at = 0; at < text.size(); at += 20) {
            CHECK(text.substr(at, 20) == std::string(19, text[at]) + "\n");
        }
    }

    TEST_CASE("O_TRUNC and O_EXCL do what they say")
    {
        require_fuse();
        MountedDaemon mount;
        write_file(mount / "file", "some text");
        CHECK(errno_of([&] { return ::open((mount / "file").c_str(), O_CREAT | O_EXCL | O_WRONLY, 0644); }) == EEXIST);
        {
            File file(mount / "file", O_WRONLY | O_TRUNC);
            CHECK(status_of(mount / "file").st_size == 0);
        }
        CHECK(content_of(mount.below("file")).empty());
    }

    TEST_CASE("a mapped file and its reads and writes are one")
    {
        require_fuse();
        MountedDaemon mount;
        write_file(mount / "file", std::string(8192, 'a'));
        File file(mount / "file", O_RDWR);
        auto* mapped = static_cast<char*>(::mmap(nullptr, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0));
        REQUIRE(mapped != MAP_FAILED);
        mapped[5000] = 'M';
        char byte = 0;
        CHECK(::pread(file, &byte, 1, 5000) == 1);
        CHECK(byte == 'M');
        CHECK(::pwrite(file, "W", 1, 100) == 1);
        CHECK(mapped[100] == 'W');
        REQUIRE(::msync(mapped, 8192, MS_SYNC) == 0);
        const auto below = content_of(mount.below("file"));
        CHECK(below[5000] == 'M');
        CHECK(below[100] == 'W');
        ::munmap(mapped, 8192);
    }

    TEST_CASE("direct and buffered access see each other")
    {
        require_fuse();
        MountedDaemon mount;
        write_file(mount / "file", std::string(8192, 'a'));
        File direct(mount / "file", O_RDWR | O_DIRECT);
        File buffered(mount / "file", O_RDWR);
        alignas(4096) static char block[4096];
        std::fill_n(block, sizeof block, 'd');
        REQUIRE(::pwrite(direct, block, sizeof block, 4096) == 4096);
        char byte = 0;
        CHECK(::pread(buffered, &byte, 1, 5000) == 1);
        CHECK(byte == 'd');
        CHECK(::pwrite(buffered, "b", 1, 5000) == 1);
        REQUIRE(::pread(direct, block, sizeof block, 4096) == 4096);
        CHECK(block[5000 - 4096] == 'b');
        CHECK(status_of(mount / "file").st_size == 8192);
    }

    TEST_CASE("holes and data are where they are, written back or not")
    {
        require_fuse();
        MountedDaemon mount;
        constexpr off_t megabyte = 1 << 20;
        File file(mount / "file", O_CREAT | O_RDWR);
        REQUIRE(::ftruncate(file, 16 * megabyte) == 0);
        REQUIRE(::pwrite(file, "data", 4, 8 * megabyte) == 4);
        CHECK(::lseek(file, 0, SEEK_DATA) == 8 * megabyte);
        const auto hole = ::lseek(file, 8 * megabyte, SEEK_HOLE);
        CHECK(hole > 8 * megabyte);
        CHECK(hole < 9 * megabyte);
        CHECK(errno_of([&] { return ::lseek(file, hole, SEEK_DATA); }) == ENXIO);
        CHECK(::lseek(file, 0, SEEK_HOLE) == 0);
    }

    TEST_CASE("space is set aside, punched out and zeroed")
    {
        require_fuse();
        MountedDaemon mount;
        File file(mount / "file", O_CREAT | O_RDWR);
        REQUIRE(::fallocate(file, 0, 0, 1 << 20) == 0);
        CHECK(status_of(mount / "file").st_size == 1 << 20);
        CHECK(status_of(mount / "file").st_blocks == status_of(mount.below("file")).st_blocks);
        REQUIRE(::pwrite(file, std::string(65536, 'x').data(), 65536, 0) == 65536);
        REQUIRE(::fallocate(file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 4096, 8192) == 0);
        char byte = 1;
        CHECK(::pread(file, &byte, 1, 5000) == 1);
        CHECK(byte == 0);
        CHECK(::pread(file, &byte, 1, 4095) == 1);
        CHECK(byte == 'x');
        CHECK(errno_of([&] { return ::fallocate(file, FALLOC_FL_COLLAPSE_RANGE, 0, 4096); }) == EOPNOTSUPP);
    }

    TEST_CASE("a range is copied inside the guest")
    {
        require_fuse();
        MountedDaemon mount;
        File source(mount / "source", O_CREAT | O_RDWR);
        File sink(mount / "sink", O_CREAT | O_RDWR);
        std::string text(200'000, '\0');
        for (std::size_t i = 0; i < text.size(); ++i) {
            text[i] = static_cast<char>('a' + i % 26);
        }
        REQUIRE(::write(source, text.data(), text.size()) == 200'000);
        off64_t from = 1000;
        off64_t to = 5000;
        ssize_t copied = 0;
        while (copied < 100'000) {
            const auto part =
                ::copy_file_range(source, &from, sink, &to, static_cast<std::size_t>(100'000 - copied), 0);
            REQUIRE(part > 0);
            copied += part;
        }
        CHECK(content_of(mount / "sink") == std::string(5000, '\0') + text.substr(1000, 100'000));
    }

    TEST_CASE("locks hold between users of the mount")
    {
        require_fuse();
        MountedDaemon mount;
        File one(mount / "file", O_CREAT | O_RDWR);
        File two(mount / "file", O_RDWR);
        REQUIRE(::flock(one, LOCK_EX) == 0);
        CHECK(errno_of([&] { return ::flock(two, LOCK_EX | LOCK_NB); }) == EWOULDBLOCK);
        REQUIRE(::flock(one, LOCK_UN) == 0);
        struct flock range = {};
        range.l_type = F_WRLCK;
        range.l_whence = SEEK_SET;
        range.l_len = 10;
        REQUIRE(::fcntl(one, F_OFD_SETLK, &range) == 0);
        struct flock other = range;
        CHECK(errno_of([&] { return ::fcntl(two, F_OFD_SETLK, &other); }) == EAGAIN);
    }

    TEST_CASE("a big sparse file has its size and its bytes")
    {
        require_fuse();
        MountedDaemon mount;
        constexpr off_t at = (off_t{5} << 30) + 12345;
        {
            File file(mount / "big", O_CREAT | O_RDWR);
            REQUIRE(::pwrite(file, "end", 3, at) == 3);
        }
        CHECK(status_of(mount / "big").st_size == at + 3);
        CHECK(status_of(mount.below("big")).st_size == at + 3);
        File file(mount / "big", O_RDONLY);
        char buffer[4] = {};
        CHECK(::pread(file, buffer, 3, at) == 3);
        CHECK(std::string(buffer) == "end");
    }
}
