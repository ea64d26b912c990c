// SPDX-License-Identifier: GPL-2.0-or-later
//
// How guestunmount finds the process that serves a mount and sees it end: the process listens on an abstract socket
// named after the mount's owner and device number. Nothing is ever sent; a connection ends when the process does, and
// only then. No file can be left behind, and the kernel vouches for the listener's user.
#pragma once

#include "core/base/error.hpp"
#include "core/base/unique_fd.hpp"

#include <sys/types.h>
#include <vector>

namespace gm::mount {

struct MountIdentity {
    uid_t owner = 0;
    unsigned device_major = 0;
    unsigned device_minor = 0;
    bool operator==(const MountIdentity&) const = default;
};

// To be kept open until the process ends.
Result<UniqueFd> announce_presence(const MountIdentity& mount);

// Connections to the process that serves the mount, each readable (at its end) once its process is gone. Beside it
// there may be others, of mounts that had this device number before and are about to end. Empty when there is no such
// process, or it is not the owner's.
std::vector<UniqueFd> connect_to_servers(const MountIdentity& mount);

} // namespace gm::mount
