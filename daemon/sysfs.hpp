// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Small reads of /sys: what is missing or odd there is simply not known. Any thread.
#pragma once

#include "core/base/syscall.hpp"

#include <algorithm>
#include <charconv>
#include <climits>
#include <dirent.h>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <sys/sysmacros.h>
#include <unistd.h>
#include <vector>

namespace gm::daemon {

constexpr std::uint64_t kSysfsSector = 512; // bytes, whatever the drive's own sectors are

// A file's content without the final newline.
inline std::optional<std::string> sysfs_text(const std::string& path)
{
    auto content = read_file(path);
    if (!content.ok()) {
        return std::nullopt;
    }
    if (content->ends_with('\n')) {
        content->pop_back();
    }
    return content.take_value();
}

inline std::optional<std::uint64_t> sysfs_number(const std::string& path)
{
    const auto text = sysfs_text(path);
    std::uint64_t number = 0;
    if (!text || std::from_chars(text->data(), text->data() + text->size(), number).ec != std::errc{}) {
        return std::nullopt;
    }
    return number;
}

// Names in a folder, without those that begin with a dot.
inline std::vector<std::string> sysfs_names(const std::string& path)
{
    struct CloseDir {
        void operator()(DIR* dir) const { ::closedir(dir); }
    };
    std::vector<std::string> names;
    const std::unique_ptr<DIR, CloseDir> dir{::opendir(path.c_str())};
    while (dir) {
        const dirent* entry = ::readdir(dir.get());
        if (entry == nullptr) {
            break;
        }
        if (entry->d_name[0] != '.') {
            names.emplace_back(entry->d_name);
        }
    }
    return names;
}

// What the kernel calls a block device ("sda1", "dm-0") that is known by its number (st_dev); empty when there is none.
inline std::string kernel_name_of(std::uint64_t device)
{
    char target[PATH_MAX];
    const std::string link = "/sys/dev/block/" + std::to_string(major(device)) + ':' + std::to_string(minor(device));
    const auto got = ::readlink(link.c_str(), target, sizeof target);
    const std::string_view path{target, static_cast<std::size_t>(std::max<ssize_t>(got, 0))};
    return std::string{path.substr(path.rfind('/') + 1)};
}

} // namespace gm::daemon
