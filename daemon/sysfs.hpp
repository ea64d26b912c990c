// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Small reads of /sys: what is missing or odd there is simply not known. Any thread.
#pragma once

#include "core/base/syscall.hpp"

#include <charconv>
#include <dirent.h>
#include <memory>
#include <optional>
#include <string>
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

} // namespace gm::daemon
