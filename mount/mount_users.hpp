// SPDX-License-Identifier: GPL-2.0-or-later
//
// Who keeps a mount busy, as far as /proc shows it to the caller. Never touches the mount, which may hang. Any thread.
#pragma once

#include "mount/presence.hpp"

#include <string>
#include <vector>

namespace gm::mount {

struct MountUser {
    pid_t process = 0;
    std::string name;
};

// Processes with a current or root folder, an open file, a program or a mapped file on the mount.
std::vector<MountUser> users_of(const std::string& mountpoint, const MountIdentity& mount);

} // namespace gm::mount
