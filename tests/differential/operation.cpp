// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/differential/operation.hpp"

#include <array>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

namespace gm::test {
namespace {

struct Weighted {
    Call call;
    unsigned weight;
    const char* name;
};
constexpr std::array kCalls{
    Weighted{Call::open, 16, "open"},
    Weighted{Call::close, 2, "close"},
    Weighted{Call::pread, 8, "pread"},
    Weighted{Call::pwrite, 12, "pwrite"},
    Weighted{Call::truncate, 3, "truncate"},
    Weighted{Call::ftruncate, 3, "ftruncate"},
    Weighted{Call::fallocate, 3, "fallocate"},
    Weighted{Call::fsync, 1, "fsync"},
    Weighted{Call::seek, 2, "seek"},
    Weighted{Call::copy_range, 2, "copy_file_range"},
    Weighted{Call::map_write, 3, "mmap_write"},
    Weighted{Call::stat_open, 4, "fstat"},
    Weighted{Call::lock, 2, "lock"},
    Weighted{Call::mkdir, 9, "mkdir"},
    Weighted{Call::rmdir, 2, "rmdir"},
    Weighted{Call::unlink, 5, "unlink"},
    Weighted{Call::rename, 7, "rename"},
    Weighted{Call::link, 5, "link"},
    Weighted{Call::symlink, 3, "symlink"},
    Weighted{Call::readlink, 2, "readlink"},
    Weighted{Call::mknod, 2, "mknod"},
    Weighted{Call::chmod, 4, "chmod"},
    Weighted{Call::chown, 3, "chown"},
    Weighted{Call::times, 4, "utimensat"},
    Weighted{Call::access, 1, "access"},
    Weighted{Call::list, 4, "list"},
    Weighted{Call::set_xattr, 4, "setxattr"},
    Weighted{Call::get_xattr, 2, "getxattr"},
    Weighted{Call::list_xattrs, 2, "listxattr"},
    Weighted{Call::remove_xattr, 2, "removexattr"},
};
static_assert(kCalls.size() == static_cast<std::size_t>(Call::kLast) + 1);

constexpr unsigned total_weight()
{
    unsigned total = 0;
    for (const auto& entry : kCalls) {
        total += entry.weight;
    }
    return total;
}

} // namespace

// Folders tend to be called n0 and n1, everything else n2 to n5, so that most calls find what they need; each name can
// still be anything.
std::string Generator::path(bool of_folder)
{
    std::string path;
    for (auto folders = one_of({0, 0, 0, 1, 1, 2}); folders > 0; --folders) {
        path += fmt::format("n{}/", below(one_in(10) ? 5 : 2));
    }
    if (one_in(150)) {
        return path + std::string(one_of<std::size_t>({255, 256}), 'L');
    }
    if (one_in(60)) {
        return path + "odd\n\xff";
    }
    return path + fmt::format("n{}", one_in(8) ? below(5) : of_folder ? below(2) : 2 + below(4));
}

std::int64_t Generator::offset()
{
    const auto at =
        static_cast<std::int64_t>(below(one_of<std::uint64_t>({2, 5000, 5000, 70'000, 300'000, 2'000'000})));
    return one_in(3) ? at / 4096 * 4096 : at;
}

std::int64_t Generator::length()
{
    return static_cast<std::int64_t>(below(one_of<std::uint64_t>({2, 100, 5000, 5000, 70'000, 300'000})));
}

Operation Generator::next(bool preallocate)
{
    Operation operation;
    auto pick = below(total_weight());
    for (const auto& entry : kCalls) {
        if (pick < entry.weight) {
            operation.call = entry.call;
            break;
        }
        pick -= entry.weight;
    }
    const bool of_folder =
        operation.call == Call::mkdir || operation.call == Call::rmdir || operation.call == Call::list || one_in(5);
    operation.path = path(of_folder);
    operation.path2 = path(of_folder);
    operation.slot = static_cast<unsigned>(below(kSlots));
    operation.slot2 = static_cast<unsigned>(below(kSlots));
    operation.offset = offset();
    operation.length = length();
    operation.number = static_cast<std::uint32_t>(random_());
    operation.mode = one_of<unsigned>({0644, 0600, 0755, 0, 04755, 02755, 01777, 0666});
    operation.aged = one_in(5);
    switch (operation.call) {
    case Call::open:
        operation.flags = one_of({O_RDONLY, O_RDWR, O_RDWR, O_RDWR, O_WRONLY});
        operation.flags |= one_in(3) ? 0 : O_CREAT;
        operation.flags |= one_in(8) ? O_TRUNC : 0;
        operation.flags |= one_in(8) ? O_EXCL : 0;
        operation.flags |= one_in(8) ? O_APPEND : 0;
        operation.flags |= one_in(12) ? O_NOFOLLOW : 0;
        operation.flags |= one_in(12) ? O_DIRECTORY : 0;
        if ((operation.flags & O_DIRECTORY) != 0) {
            operation.flags &= ~O_CREAT; // what the two mean together changed with the kernel's version
        }
        if ((operation.flags & O_CREAT) == 0) {
            operation.flags &= ~O_EXCL; // undefined by open(2)
        }
        break;
    case Call::rename:
        operation.flags = one_of<int>({0, 0, 0, RENAME_NOREPLACE, RENAME_EXCHANGE});
        break;
    case Call::fallocate:
        operation.flags = one_of<int>({0, 0, FALLOC_FL_KEEP_SIZE, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                                       FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, FALLOC_FL_ZERO_RANGE,
                                       FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE});
        if (!preallocate) {
            operation.flags = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
        }
        operation.aged = false; // FUSE sets the times even where the file system finds nothing to do
        break;
    case Call::truncate:
        operation.aged = false; // whether a file that keeps its size was modified changed with ext4's version
        break;
    case Call::set_xattr:
        operation.flags = one_of<int>({0, 0, XATTR_CREATE, XATTR_REPLACE});
        operation.length %= 200;
        break;
    case Call::seek:
        operation.flags = one_of({SEEK_DATA, SEEK_HOLE, SEEK_END});
        operation.flags = preallocate ? SEEK_END : operation.flags;
        break;
    case Call::access:
        operation.flags = one_of({F_OK, R_OK, W_OK, X_OK});
        break;
    case Call::lock:
        operation.flags = one_of({LOCK_SH, LOCK_EX, LOCK_UN});
        break;
    case Call::times:
        operation.mode = static_cast<unsigned>(below(9)); // 3 x 3: a time, now, omitted
        break;
    case Call::chown:
        operation.mode = static_cast<unsigned>(below(4)); // which of the two ids
        break;
    case Call::symlink:
        operation.path2 = one_in(10) ? std::string(1000, 't') : path(one_in(2));
        break;
    default:
        break;
    }
    return operation;
}

std::string text(const Operation& operation)
{
    const auto plain = [](const std::string& path) {
        std::string result;
        for (const char c : path) {
            result +=
                c >= ' ' && c <= '~' ? std::string(1, c) : fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
        }
        return result.size() > 60 ? fmt::format("{}...({} bytes)", result.substr(0, 60), path.size()) : result;
    };
    return fmt::format("{}{} path={} path2={} slot={},{} flags={:#x} mode={:o} offset={} length={} number={}",
                       kCalls.at(static_cast<std::size_t>(operation.call)).name, operation.aged ? " (aged)" : "",
                       plain(operation.path), plain(operation.path2), operation.slot, operation.slot2, operation.flags,
                       operation.mode, operation.offset, operation.length, operation.number);
}

} // namespace gm::test
