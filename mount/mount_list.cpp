// SPDX-License-Identifier: GPL-2.0-or-later
#include "mount/mount_list.hpp"

#include "core/base/syscall.hpp"

#include <charconv>

namespace gm::mount {
namespace {

std::vector<std::string_view> split(std::string_view text, char separator)
{
    std::vector<std::string_view> parts;
    while (true) {
        const auto end = text.find(separator);
        parts.push_back(text.substr(0, end));
        if (end == std::string_view::npos) {
            return parts;
        }
        text.remove_prefix(end + 1);
    }
}

template <typename T>
T number(std::string_view text)
{
    T value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
}

// Blanks and the like are written as a backslash and three octal digits.
std::string unescaped(std::string_view text)
{
    std::string result;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '\\' && i + 3 < text.size()) {
            unsigned value = 0;
            std::from_chars(text.data() + i + 1, text.data() + i + 4, value, 8);
            result += static_cast<char>(value);
            i += 3;
        } else {
            result += text[i];
        }
    }
    return result;
}

} // namespace

std::vector<MountEntry> parse_mount_list(std::string_view text)
{
    // proc_pid_mountinfo(5): id parent major:minor root mountpoint options [tags...] - type source options
    std::vector<MountEntry> mounts;
    for (const auto line : split(text, '\n')) {
        const auto fields = split(line, ' ');
        std::size_t dash = 6;
        while (dash < fields.size() && fields[dash] != "-") {
            ++dash;
        }
        if (dash + 3 >= fields.size()) {
            continue;
        }
        MountEntry mount;
        const auto device = split(fields[2], ':');
        mount.mountpoint = unescaped(fields[4]);
        mount.type = unescaped(fields[dash + 1]);
        mount.identity.device_major = number<unsigned>(device.front());
        mount.identity.device_minor = number<unsigned>(device.back());
        for (const auto option : split(fields[dash + 3], ',')) {
            const std::string_view key = "user_id=";
            if (option.starts_with(key)) {
                mount.identity.owner = number<uid_t>(option.substr(key.size()));
            }
        }
        mounts.push_back(std::move(mount));
    }
    return mounts;
}

Result<std::optional<MountEntry>> find_mount(const std::string& mountpoint)
{
    constexpr std::size_t kLimit = 64 << 20;
    const auto text = GM_TRY(read_file("/proc/self/mountinfo", kLimit));
    std::optional<MountEntry> found;
    for (auto& mount : parse_mount_list(text)) {
        if (mount.mountpoint == mountpoint) {
            found = std::move(mount); // a later one lies on top
        }
    }
    return found;
}

} // namespace gm::mount
