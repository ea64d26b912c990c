// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The mounted file systems whose files can be read on the drive itself, past the guest: only where the kernel's FIEMAP
// tells exactly what lies where (ext2, ext3, ext4, xfs), and the device is a piece of one drive. Any thread.
#pragma once

#include "core/base/guarded.hpp"
#include "daemon/devices.hpp"
#include "daemon/mounts.hpp"

#include <map>
#include <optional>

namespace gm::daemon {

struct ExtentSource {
    DriveRange range;
    bool ask_flags = false; // a file may have data in the journal of its own (chattr +j)

    bool operator==(const ExtentSource&) const = default;
};

class ExtentSources {
public:
    // Takes the mount into account, if it is of that kind.
    void add(const Mounted& mounted, Devices& devices);
    void clear();

    // By st_dev.
    [[nodiscard]] std::optional<ExtentSource> find(std::uint64_t device) const;

private:
    Guarded<std::map<std::uint64_t, ExtentSource>> sources_; // level: leaf
};

} // namespace gm::daemon
