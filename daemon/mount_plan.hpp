// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Which calls of mount(2) to try for a file system, best first. Pure functions.
#pragma once

#include "core/base/error.hpp"
#include "daemon/block_probe.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace gm::daemon {

struct MountAttempt {
    std::string type;        // as the kernel names it
    unsigned long flags = 0; // MS_*
    std::string data;
    bool only_after_read_only = false; // of use only when the one before failed because the device cannot be written to
    bool by_tool = false;              // ntfs-3g instead of mount(2)

    bool operator==(const MountAttempt&) const = default;
};

struct MountWish {
    std::string type;    // as libblkid names it
    std::string options; // the user's
    bool read_only = true;
    std::string version = {}; // of the format, as libblkid names it
};

std::vector<MountAttempt> plan_mount(const MountWish& wish);

// Whether nobody, or no driver of Linux, writes file systems of this type: "squashfs".
bool is_never_written(std::string_view type);

// Why content that is no file system cannot be mounted: "is swap space". Nothing when it may be one.
std::optional<std::string> why_not_mountable(const BlockContent& content);

} // namespace gm::daemon
