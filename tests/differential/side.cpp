// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/differential/side.hpp"

#include "core/base/syscall.hpp"
#include "tests/support/tree.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <filesystem>
#include <memory>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <vector>

namespace gm::test {
namespace {

constexpr timespec kOld{.tv_sec = 1'000'000'000, .tv_nsec = 123'456'789};

// A call's answer: its value, or the name of its errno.
template <typename T>
std::string answer(T value)
{
    return value == -1 ? fmt::format("-{}", ::strerrorname_np(errno)) : fmt::format("{}", value);
}

std::string folder_of(const std::string& path)
{
    const auto slash = path.rfind('/');
    return slash == std::string::npos ? "." : path.substr(0, slash);
}

bool names_two(const Operation& operation)
{
    return operation.call == Call::rename || operation.call == Call::link;
}

bool works_on_open_file(const Operation& operation)
{
    switch (operation.call) {
    case Call::close:
    case Call::pread:
    case Call::pwrite:
    case Call::ftruncate:
    case Call::fallocate:
    case Call::fsync:
    case Call::seek:
    case Call::copy_range:
    case Call::map_write:
    case Call::stat_open:
    case Call::lock:
        return true;
    default:
        return false;
    }
}

timespec time_of(unsigned kind, std::uint32_t number)
{
    switch (kind) {
    case 0:
        return {.tv_sec = static_cast<time_t>(number), .tv_nsec = static_cast<long>(number % 1'000'000'000)};
    case 1:
        return {.tv_sec = 0, .tv_nsec = UTIME_NOW};
    default:
        return {.tv_sec = 0, .tv_nsec = UTIME_OMIT};
    }
}

} // namespace

Side::Side(const std::string& folder, const std::string& name, bool folder_sizes)
    : path_(folder + "/" + name), folder_sizes_(folder_sizes)
{
    if (::mkdir(path_.c_str(), 0755) == -1) {
        std::perror(path_.c_str());
        std::abort();
    }
    root_ = UniqueFd(::open(path_.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
}

Side::~Side()
{
    for (auto& file : open_) {
        file.reset();
    }
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}

void Side::finish()
{
    for (auto& file : open_) {
        file.reset();
    }
    const UniqueFd folder(::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    ::syncfs(folder.get());
}

std::string Side::apply(const Operation& operation)
{
    const bool on_file = works_on_open_file(operation);
    if (operation.aged) {
        if (on_file) {
            const timespec times[2] = {kOld, kOld};
            ::futimens(open_[operation.slot].get(), times);
        } else {
            age(operation.path);
            if (names_two(operation)) {
                age(operation.path2);
            }
        }
    }
    std::string result = perform(operation);
    if (on_file) {
        struct stat status = {};
        if (::fstat(open_[operation.slot].get(), &status) == 0) {
            result += " " + look(status, operation.aged);
        }
        if (operation.call == Call::copy_range && ::fstat(open_[operation.slot2].get(), &status) == 0) {
            result += " " + look(status, false);
        }
        return result;
    }
    result += " " + attributes(operation.path, operation.aged);
    if (names_two(operation)) {
        result += " " + attributes(operation.path2, operation.aged);
    }
    return result;
}

void Side::age(const std::string& path) const
{
    const timespec times[2] = {kOld, kOld};
    ::utimensat(root_.get(), path.c_str(), times, AT_SYMLINK_NOFOLLOW);
    ::utimensat(root_.get(), folder_of(path).c_str(), times, 0);
}

std::string Side::attributes(const std::string& path, bool aged) const
{
    struct stat status = {};
    std::string text = ::fstatat(root_.get(), path.c_str(), &status, AT_SYMLINK_NOFOLLOW) == -1
                           ? fmt::format("[{}]", ::strerrorname_np(errno))
                           : look(status, aged);
    if (::fstatat(root_.get(), folder_of(path).c_str(), &status, 0) == 0) {
        text += " in " + look(status, aged);
    }
    return text;
}

std::string Side::look(const struct stat& status, bool aged) const
{
    std::string text =
        fmt::format("[{:o} {}:{} links {} size {} dev {:x}", status.st_mode, status.st_uid, status.st_gid,
                    status.st_nlink, folder_sizes_ || !S_ISDIR(status.st_mode) ? status.st_size : 0, status.st_rdev);
    if (aged) {
        const bool old = status.st_mtim.tv_sec == kOld.tv_sec && status.st_mtim.tv_nsec == kOld.tv_nsec;
        text += old ? " mtime kept" : " mtime new";
    }
    return text + "]";
}

std::string Side::perform(const Operation& operation)
{
    return works_on_open_file(operation) ? perform_on_file(operation) : perform_on_name(operation);
}

std::string Side::perform_on_file(const Operation& operation)
{
    const int fd = open_[operation.slot].get();
    const auto length = static_cast<std::size_t>(operation.length);
    switch (operation.call) {
    case Call::close: {
        const bool was_open = open_[operation.slot].valid();
        const int result = was_open ? ::close(open_[operation.slot].release()) : 0;
        return answer(result);
    }
    case Call::pread: {
        buffer_.assign(length, '\0');
        const auto got = ::pread(fd, buffer_.data(), length, operation.offset);
        return answer(got) + (got > 0 ? fmt::format(" {:x}", std::hash<std::string_view>{}(std::string_view(
                                                                 buffer_.data(), static_cast<std::size_t>(got))))
                                      : "");
    }
    case Call::pwrite:
        buffer_.assign(length, static_cast<char>(operation.number));
        return answer(::pwrite(fd, buffer_.data(), length, operation.offset));
    case Call::ftruncate:
        return answer(::ftruncate(fd, operation.offset));
    case Call::fallocate:
        return answer(::fallocate(fd, operation.flags, operation.offset, operation.length));
    case Call::fsync:
        return answer((operation.number & 1) != 0 ? ::fsync(fd) : ::fdatasync(fd));
    case Call::seek:
        if (struct stat status = {}; ::fstat(fd, &status) == 0 && S_ISDIR(status.st_mode)) {
            return "a folder, whose offsets are each file system's own";
        }
        // What is dirty may be a hole or data, as the file system likes; what is on the disk is a fact.
        ::fsync(fd);
        return answer(::lseek(fd, operation.offset, operation.flags));
    case Call::copy_range: {
        off_t from = operation.offset;
        off_t to = static_cast<off_t>(operation.number % 100'000);
        return answer(::copy_file_range(fd, &from, open_[operation.slot2].get(), &to, length, 0));
    }
    case Call::map_write: {
        struct stat status = {};
        if (::fstat(fd, &status) == -1 || !S_ISREG(status.st_mode) || status.st_size == 0) {
            return "nothing to map";
        }
        const auto size = static_cast<std::size_t>(std::min<off_t>(status.st_size, 1 << 20));
        void* map = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (map == MAP_FAILED) {
            return answer(-1);
        }
        const std::size_t at = static_cast<std::size_t>(operation.offset) % size;
        std::memset(static_cast<char*>(map) + at, static_cast<int>(operation.number & 0xff),
                    std::min(length, size - at));
        const std::size_t hash = std::hash<std::string_view>{}(std::string_view(static_cast<char*>(map), size));
        ::munmap(map, size);
        return fmt::format("mapped {:x}", hash);
    }
    case Call::stat_open:
        return fd == -1 ? "closed" : "open";
    case Call::lock: {
        const int first = ::flock(fd, operation.flags | LOCK_NB);
        std::string text = answer(first);
        struct flock record = {};
        record.l_type = operation.flags == LOCK_EX ? F_WRLCK : operation.flags == LOCK_SH ? F_RDLCK : F_UNLCK;
        record.l_whence = SEEK_SET;
        record.l_start = operation.offset;
        record.l_len = operation.length;
        text += " " + answer(::fcntl(open_[operation.slot2].get(), F_OFD_SETLK, &record));
        return text;
    }
    default:
        return "";
    }
}

std::string Side::perform_on_name(const Operation& operation)
{
    const int root = root_.get();
    const char* path = operation.path.c_str();
    // The path-only calls reach the folder through /proc; the kernel resolves the rest as usual.
    const std::string full = path_ + "/" + operation.path;
    const std::string xattr = fmt::format("user.x{}", operation.number % 4);
    switch (operation.call) {
    case Call::open: {
        const int fd = ::openat(root, path, operation.flags | O_CLOEXEC | O_NONBLOCK, operation.mode);
        if (fd == -1) {
            return answer(fd); // what the slot held stays open
        }
        open_[operation.slot] = UniqueFd(fd);
        return "opened";
    }
    case Call::truncate:
        return answer(::truncate(full.c_str(), operation.offset));
    case Call::mkdir:
        return answer(::mkdirat(root, path, operation.mode));
    case Call::rmdir:
        return answer(::unlinkat(root, path, AT_REMOVEDIR));
    case Call::unlink:
        return answer(::unlinkat(root, path, 0));
    case Call::rename:
        return answer(::renameat2(root, path, root, operation.path2.c_str(), static_cast<unsigned>(operation.flags)));
    case Call::link: {
        std::string text = answer(::linkat(root, path, root, operation.path2.c_str(), 0));
        struct stat one = {};
        struct stat two = {};
        if (::fstatat(root, path, &one, AT_SYMLINK_NOFOLLOW) == 0 &&
            ::fstatat(root, operation.path2.c_str(), &two, AT_SYMLINK_NOFOLLOW) == 0) {
            text += one.st_ino == two.st_ino ? " one file" : " two files";
        }
        return text;
    }
    case Call::symlink:
        return answer(::symlinkat(operation.path2.c_str(), root, path));
    case Call::readlink: {
        char target[4096];
        const auto size = ::readlinkat(root, path, target, sizeof target);
        return size == -1 ? answer(size) : printable(std::string_view(target, static_cast<std::size_t>(size)));
    }
    case Call::mknod:
        return answer((operation.number & 1) != 0 ? ::mknodat(root, path, S_IFIFO | operation.mode, 0)
                                                  : ::mknodat(root, path, S_IFCHR | operation.mode, 0x103));
    case Call::chmod:
        return answer(::fchmodat(root, path, operation.mode, 0));
    case Call::chown: {
        const auto id = [&](unsigned bit) {
            return (operation.mode & bit) != 0 ? static_cast<uid_t>(operation.number % 5 * 1000)
                                               : static_cast<uid_t>(-1);
        };
        return answer(::fchownat(root, path, id(1), id(2), AT_SYMLINK_NOFOLLOW));
    }
    case Call::times: {
        const timespec times[2] = {time_of(operation.mode % 3, operation.number),
                                   time_of(operation.mode / 3, operation.number / 2)};
        std::string text = answer(::utimensat(root, path, times, AT_SYMLINK_NOFOLLOW));
        struct stat status = {};
        if (operation.mode / 3 == 0 && ::fstatat(root, path, &status, AT_SYMLINK_NOFOLLOW) == 0) {
            text += fmt::format(" mtime {}.{:09}", status.st_mtim.tv_sec, status.st_mtim.tv_nsec);
        }
        return text;
    }
    case Call::access:
        return answer(::faccessat(root, path, operation.flags, 0));
    case Call::list: {
        const int fd = ::openat(root, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd == -1) {
            return answer(fd);
        }
        const std::unique_ptr<DIR, int (*)(DIR*)> folder(::fdopendir(fd), ::closedir);
        std::vector<std::string> names;
        while (const dirent* entry = ::readdir(folder.get())) {
            names.push_back(fmt::format("{}({})", printable(entry->d_name).substr(0, 30), entry->d_type));
        }
        std::sort(names.begin(), names.end());
        std::string text;
        for (const auto& name : names) {
            text += name + " ";
        }
        return text;
    }
    case Call::set_xattr:
        buffer_.assign(static_cast<std::size_t>(operation.length), static_cast<char>(operation.number >> 8));
        return answer(::lsetxattr(full.c_str(), xattr.c_str(), buffer_.data(), buffer_.size(), operation.flags));
    case Call::get_xattr: {
        char value[1024];
        const auto size = ::lgetxattr(full.c_str(), xattr.c_str(), value,
                                      (operation.number & 16) != 0   ? 0
                                      : (operation.number & 32) != 0 ? 10
                                                                     : sizeof value);
        return answer(size);
    }
    case Call::list_xattrs: {
        char names[4096];
        const auto size = ::llistxattr(full.c_str(), names, sizeof names);
        if (size == -1) {
            return answer(size);
        }
        std::vector<std::string> found;
        for (ssize_t at = 0; at < size; at += static_cast<ssize_t>(std::strlen(names + at)) + 1) {
            found.emplace_back(names + at);
        }
        std::sort(found.begin(), found.end());
        std::string text;
        for (const auto& name : found) {
            text += name + " ";
        }
        return text;
    }
    case Call::remove_xattr:
        return answer(::lremovexattr(full.c_str(), xattr.c_str()));
    default:
        return "";
    }
}

} // namespace gm::test
