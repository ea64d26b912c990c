// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/mount_table.hpp"

#include "core/base/syscall.hpp"

#include <algorithm>
#include <charconv>
#include <vector>

namespace gm::daemon {
namespace {

// Blanks, newlines and backslashes of a path are \ooo there.
std::string unescaped(std::string_view text)
{
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        unsigned value = 0;
        if (text[i] == '\\' && i + 3 < text.size() &&
            std::from_chars(text.data() + i + 1, text.data() + i + 4, value, 8).ptr == text.data() + i + 4) {
            out += static_cast<char>(value);
            i += 3;
        } else {
            out += text[i];
        }
    }
    return out;
}

std::vector<std::string_view> words_of(std::string_view line)
{
    std::vector<std::string_view> words;
    while (!line.empty()) {
        const auto word = line.substr(0, line.find(' '));
        words.push_back(word);
        line.remove_prefix(std::min(line.size(), word.size() + 1));
    }
    return words;
}

} // namespace

std::optional<MountLine> parse_mount_line(std::string_view line)
{
    constexpr std::size_t kMount = 0;
    constexpr std::size_t kPath = 4;
    constexpr std::size_t kSuperOptions = 3; // behind the "-"
    const auto words = words_of(line);
    const auto dash = std::ranges::find(words, "-");
    MountLine parsed;
    if (words.size() <= kPath || words.end() - dash <= static_cast<std::ptrdiff_t>(kSuperOptions) ||
        std::from_chars(words[kMount].data(), words[kMount].data() + words[kMount].size(), parsed.mount).ec !=
            std::errc{}) {
        return std::nullopt;
    }
    parsed.path = unescaped(words[kPath]);
    parsed.super_options = *(dash + kSuperOptions);
    return parsed;
}

std::optional<MountLine> find_mount(std::uint64_t mount)
{
    const auto table = read_file("/proc/self/mountinfo", 64 << 20);
    if (!table.ok()) {
        return std::nullopt;
    }
    std::string_view left = *table;
    while (!left.empty()) {
        const auto line = left.substr(0, left.find('\n'));
        left.remove_prefix(std::min(left.size(), line.size() + 1));
        auto parsed = parse_mount_line(line);
        if (parsed && parsed->mount == mount) {
            return parsed;
        }
    }
    return std::nullopt;
}

} // namespace gm::daemon
