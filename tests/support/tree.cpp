// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/support/tree.hpp"

#include "core/base/syscall.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <memory>
#include <set>
#include <sys/xattr.h>

namespace gm::test {
namespace {

// FNV-1a over eight bytes at a time: not for adversaries, but any change of content changes it.
std::uint64_t mix(std::uint64_t hash, const char* bytes, std::size_t size)
{
    constexpr std::uint64_t kPrime = 0x100000001b3;
    for (; size >= 8; bytes += 8, size -= 8) {
        std::uint64_t word = 0;
        std::memcpy(&word, bytes, 8);
        hash = (hash ^ word) * kPrime;
        hash ^= hash >> 29;
    }
    for (; size > 0; ++bytes, --size) {
        hash = (hash ^ static_cast<unsigned char>(*bytes)) * kPrime;
    }
    return hash;
}

class Scanner {
public:
    Scanner(const ScanOptions& options, dev_t device) : options_(options), device_(device), buffer_(1 << 20) {}

    // Adds the entry `name` of the folder `parent` as `path`, and all below it.
    Result<void> add(int parent, const std::string& name, const std::string& path)
    {
        TreeEntry entry;
        GM_TRY(sys([&] { return ::fstatat(parent, name.c_str(), &entry.status, AT_SYMLINK_NOFOLLOW); },
                   [&] { return "stat " + printable(path); }));
        if (S_ISLNK(entry.status.st_mode)) {
            const auto size =
                GM_TRY(sys([&] { return ::readlinkat(parent, name.c_str(), buffer_.data(), buffer_.size()); }, path));
            entry.link_target.assign(buffer_.data(), static_cast<std::size_t>(size));
        }
        // The only way to reach the xattrs of anything, links and devices included, without a path of unlimited length.
        if (options_.xattrs) {
            entry.xattrs = GM_TRY(read_xattrs("/proc/self/fd/" + std::to_string(parent) + "/" + name, path));
        }
        if (S_ISREG(entry.status.st_mode) && (options_.contents || options_.holes)) {
            GM_TRY(read_content(parent, name, path, entry));
        }
        const bool descend = S_ISDIR(entry.status.st_mode) && entry.status.st_dev == device_;
        tree_.emplace(path, std::move(entry));
        if (descend) {
            GM_TRY(add_folder(parent, name, path));
        }
        return {};
    }

    Tree take() { return std::move(tree_); }

private:
    Result<void> add_folder(int parent, const std::string& name, const std::string& path)
    {
        const int raw =
            GM_TRY(sys([&] { return ::openat(parent, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC); },
                       [&] { return "open " + printable(path); }));
        const std::unique_ptr<DIR, int (*)(DIR*)> folder(::fdopendir(raw), ::closedir);
        for (;;) {
            errno = 0;
            const dirent* item = ::readdir(folder.get());
            if (item == nullptr) {
                if (errno != 0) {
                    return system_error(errno, "read folder " + printable(path));
                }
                return {};
            }
            const std::string leaf = item->d_name;
            if (leaf == "." || leaf == "..") {
                continue;
            }
            const std::string below = path.empty() ? leaf : path + "/" + leaf;
            if (tree_.count(below) != 0) {
                return make_error(EEXIST, "{}: listed twice", printable(below));
            }
            GM_TRY(add(raw, leaf, below));
            const auto& status = tree_.at(below).status;
            if (item->d_type != DT_UNKNOWN && item->d_type != IFTODT(status.st_mode)) {
                return make_error(EPROTO, "{}: d_type {} but mode {:o}", printable(below), item->d_type,
                                  status.st_mode);
            }
        }
    }

    Result<std::map<std::string, std::string>> read_xattrs(const std::string& where, const std::string& path)
    {
        std::map<std::string, std::string> xattrs;
        const auto size = retry([&] { return ::llistxattr(where.c_str(), buffer_.data(), 65536); });
        if (size == -1) {
            if (errno == ENOTSUP) {
                return xattrs;
            }
            return system_error(errno, "list xattrs of " + printable(path));
        }
        const std::string names(buffer_.data(), static_cast<std::size_t>(size));
        for (std::size_t at = 0; at < names.size(); at += std::strlen(names.c_str() + at) + 1) {
            const char* name = names.c_str() + at;
            const auto length = GM_TRY(sys([&] { return ::lgetxattr(where.c_str(), name, buffer_.data(), 65536); },
                                           [&] { return fmt::format("xattr {} of {}", name, printable(path)); }));
            xattrs.emplace(name, std::string(buffer_.data(), static_cast<std::size_t>(length)));
        }
        return xattrs;
    }

    // Zeros are read like everything else, but of a large hole only its ends: gigabytes of them tell no more.
    static off_t past_middle_of_hole(const TreeEntry& entry, off_t at)
    {
        constexpr off_t kEnds = 8 << 20;
        const auto next = std::ranges::find_if(entry.data, [&](const auto& piece) { return piece.second > at; });
        const bool is_last = next == entry.data.end();
        const off_t begin = next == entry.data.begin() ? 0 : std::prev(next)->second;
        const off_t end = is_last ? entry.status.st_size : next->first;
        return at >= begin + kEnds && at < end - kEnds ? end - kEnds : at;
    }

    Result<void> read_content(int parent, const std::string& name, const std::string& path, TreeEntry& entry)
    {
        const UniqueFd fd(GM_TRY(sys([&] { return ::openat(parent, name.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC); },
                                     [&] { return "open " + printable(path); })));
        if (options_.holes) {
            for (off_t at = 0;;) {
                const off_t start = ::lseek(fd.get(), at, SEEK_DATA);
                if (start == -1) {
                    break;
                }
                at = ::lseek(fd.get(), start, SEEK_HOLE);
                entry.data.emplace_back(start, at);
            }
            ::lseek(fd.get(), 0, SEEK_SET);
        }
        entry.content_hash = 0xcbf29ce484222325;
        off_t at = 0;
        while (options_.contents) {
            if (options_.holes) {
                at = past_middle_of_hole(entry, at);
            }
            const auto got = GM_TRY(sys([&] { return ::pread(fd.get(), buffer_.data(), buffer_.size(), at); },
                                        [&] { return "read " + printable(path); }));
            if (got == 0) {
                break;
            }
            entry.content_hash = mix(entry.content_hash, buffer_.data(), static_cast<std::size_t>(got));
            at += got;
        }
        if (options_.contents && at != entry.status.st_size) {
            return make_error(EIO, "{}: size {}, but {} bytes could be read", printable(path), entry.status.st_size, at);
        }
        return {};
    }

    ScanOptions options_;
    dev_t device_;
    std::vector<char> buffer_;
    Tree tree_;
};

// For each name of a file with several, the first of its names: equal maps mean equal hard-link groups.
std::map<std::string, std::string> link_groups(const Tree& tree)
{
    std::map<ino_t, std::string> first;
    std::map<std::string, std::string> groups;
    for (const auto& [path, entry] : tree) {
        if (!S_ISDIR(entry.status.st_mode) && entry.status.st_nlink > 1) {
            groups[path] = first.try_emplace(entry.status.st_ino, path).first->second;
        }
    }
    return groups;
}

class Differences {
public:
    template <typename... T>
    void add(const std::string& path, fmt::format_string<T...> format, T&&... values)
    {
        if (lines_.size() < 40) {
            lines_.push_back(fmt::format("{}: {}", path.empty() ? "the root" : printable(path),
                                         fmt::format(format, std::forward<T>(values)...)));
        }
    }
    template <typename T>
    void compare(const std::string& path, std::string_view what, const T& expected, const T& found)
    {
        if (expected != found) {
            add(path, "{}: expected {}, found {}", what, expected, found);
        }
    }
    std::vector<std::string> take() { return std::move(lines_); }

private:
    std::vector<std::string> lines_;
};

std::string time_text(const timespec& time)
{
    return fmt::format("{}.{:09}", time.tv_sec, time.tv_nsec);
}

void compare_entries(const std::string& path, const TreeEntry& expected, const TreeEntry& found,
                     const CompareOptions& options, Differences& out)
{
    const auto& a = expected.status;
    const auto& b = found.status;
    out.compare(path, "type", S_IFMT & a.st_mode, S_IFMT & b.st_mode);
    if (options.owners_and_modes) {
        out.compare(path, "mode", fmt::format("{:o}", a.st_mode), fmt::format("{:o}", b.st_mode));
        out.compare(path, "owner", a.st_uid, b.st_uid);
        out.compare(path, "group", a.st_gid, b.st_gid);
    }
    if (options.folder_sizes || !S_ISDIR(a.st_mode)) {
        out.compare(path, "size", a.st_size, b.st_size);
    }
    out.compare(path, "device number", a.st_rdev, b.st_rdev);
    if (options.times) {
        out.compare(path, "mtime", time_text(a.st_mtim), time_text(b.st_mtim));
    }
    if (options.change_times) {
        out.compare(path, "ctime", time_text(a.st_ctim), time_text(b.st_ctim));
    }
    if (options.links) {
        if (options.folder_links || !S_ISDIR(a.st_mode)) {
            out.compare(path, "link count", a.st_nlink, b.st_nlink);
        }
    }
    if (options.inodes) {
        out.compare(path, "inode", a.st_ino, b.st_ino);
    }
    if (options.blocks) {
        out.compare(path, "blocks", a.st_blocks, b.st_blocks);
    }
    out.compare(path, "link target", printable(expected.link_target), printable(found.link_target));
    if (expected.content_hash != found.content_hash) {
        out.add(path, "the contents differ");
    }
    if (expected.data != found.data) {
        out.add(path, "the holes differ: {} pieces of data expected, {} found", expected.data.size(),
                found.data.size());
    }
    if (options.xattrs && expected.xattrs != found.xattrs) {
        for (const auto& [name, value] : expected.xattrs) {
            const auto other = found.xattrs.find(name);
            out.compare(path, "xattr " + name, printable(value),
                        other == found.xattrs.end() ? "nothing" : printable(other->second));
        }
        for (const auto& [name, value] : found.xattrs) {
            if (expected.xattrs.count(name) == 0) {
                out.add(path, "xattr {} is not expected", name);
            }
        }
    }
}

} // namespace

std::string printable(std::string_view name)
{
    std::string text;
    for (const char c : name.substr(0, 300)) {
        if (c >= ' ' && c <= '~' && c != '\\') {
            text += c;
        } else {
            text += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
        }
    }
    return text + (name.size() > 300 ? fmt::format("... ({} bytes)", name.size()) : "");
}

Result<Tree> scan_tree(const std::string& folder, const ScanOptions& options)
{
    const UniqueFd root = GM_TRY(open_file(folder, O_RDONLY | O_DIRECTORY));
    struct stat status = {};
    GM_TRY(sys([&] { return ::fstat(root.get(), &status); }, folder));
    Scanner scanner(options, status.st_dev);
    GM_TRY(scanner.add(root.get(), ".", ""));
    return scanner.take();
}

std::vector<std::string> differences(const Tree& expected, const Tree& found, const CompareOptions& options)
{
    Differences out;
    for (const auto& [path, entry] : expected) {
        const auto other = found.find(path);
        if (other == found.end()) {
            out.add(path, "missing");
        } else {
            compare_entries(path, entry, other->second, options, out);
        }
    }
    for (const auto& [path, entry] : found) {
        if (expected.count(path) == 0) {
            out.add(path, "not expected");
        }
    }
    if (options.links) {
        const auto groups = link_groups(expected);
        auto other = link_groups(found);
        for (const auto& [path, first] : groups) {
            out.compare(path, "is one file with", printable(first), printable(other[path]));
        }
    }
    return out.take();
}

} // namespace gm::test
