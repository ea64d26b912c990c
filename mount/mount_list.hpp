// SPDX-License-Identifier: GPL-2.0-or-later
//
// Mounts as /proc/self/mountinfo lists them. Looking there never touches a mount, which may hang. Any thread.
#pragma once

#include "mount/presence.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace gm::mount {

struct MountEntry {
    std::string mountpoint;
    std::string type;
    MountIdentity identity; // owner: of a FUSE mount
};

std::vector<MountEntry> parse_mount_list(std::string_view text);

// The topmost mount at exactly this path (absolute, without links).
Result<std::optional<MountEntry>> find_mount(const std::string& mountpoint);

} // namespace gm::mount
