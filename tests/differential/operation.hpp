// SPDX-License-Identifier: GPL-2.0-or-later
//
// One random file system call as a value that stands for itself: it names paths and slots, not objects, so that any
// part of a sequence is a sequence again (which is what shrinking needs). Made by a seeded generator. Values.
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <vector>

namespace gm::test {

enum class Call {
    open,
    close,
    pread,
    pwrite,
    truncate,
    ftruncate,
    fallocate,
    fsync,
    seek,
    copy_range,
    map_write,
    stat_open,
    lock,
    mkdir,
    rmdir,
    unlink,
    rename,
    link,
    symlink,
    readlink,
    mknod,
    chmod,
    chown,
    times,
    access,
    list,
    set_xattr,
    get_xattr,
    list_xattrs,
    remove_xattr,
    kLast = remove_xattr,
};

struct Operation {
    Call call = Call::open;
    std::string path;   // relative, one to three parts
    std::string path2;  // second name of rename and link, target of symlink
    unsigned slot = 0;  // of open files
    unsigned slot2 = 0; // copy_range, lock
    int flags = 0;      // open, rename, fallocate, xattr, seek, access, lock
    unsigned mode = 0;  // open, mkdir, mknod, chmod; which times are set
    std::int64_t offset = 0;
    std::int64_t length = 0;
    std::uint32_t number = 0; // fill byte, owner, xattr's name, seconds
    bool aged = false;        // first set old times on all that is named, so that an update of mtime shows
};

inline constexpr unsigned kSlots = 6;

class Generator {
public:
    explicit Generator(std::uint64_t seed) : random_(seed) {}

    // Whether space that is allocated but was never written is a hole or data depends on what the kernel that has the
    // file system keeps in its page cache, so a sequence either makes such space (`preallocate`) or asks for holes.
    Operation next(bool preallocate);

private:
    std::uint64_t below(std::uint64_t limit) { return random_() % limit; }
    bool one_in(std::uint64_t count) { return below(count) == 0; }
    template <typename T>
    T one_of(std::initializer_list<T> choices)
    {
        return choices.begin()[below(choices.size())];
    }
    std::string path(bool of_folder);
    std::int64_t offset();
    std::int64_t length();

    std::mt19937_64 random_; // its output is the same everywhere, unlike that of the standard distributions
};

// The call as a person would write it.
std::string text(const Operation& operation);

} // namespace gm::test
