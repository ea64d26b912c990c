// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The kernel's table of mounts, /proc/self/mountinfo. Any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace gm::daemon {

struct MountLine {
    std::uint64_t mount = 0;   // the kernel's number, stx_mnt_id
    std::string path;          // where it is now
    std::string super_options; // of the file system

    bool operator==(const MountLine&) const = default;
};

// A line of proc_pid_mountinfo(5); nothing when it is malformed.
std::optional<MountLine> parse_mount_line(std::string_view line);

std::optional<MountLine> find_mount(std::uint64_t mount);

inline std::optional<std::string> path_of_mount(std::uint64_t mount)
{
    auto line = find_mount(mount);
    return line ? std::optional{std::move(line->path)} : std::nullopt;
}

} // namespace gm::daemon
