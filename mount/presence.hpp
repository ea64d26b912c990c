// SPDX-License-Identifier: GPL-2.0-or-later
//
// How guestunmount finds the process that serves a mount and sees it end: the process listens on an abstract socket
// named after the mount's owner and device number. Nothing is ever sent; a connection ends when the process does, and
// only then. No file can be left behind, and the kernel vouches for the listener's user.
#pragma once

#include "core/base/error.hpp"
#include "core/base/unique_fd.hpp"

#include <optional>
#include <sys/types.h>

namespace gm::mount {

struct MountIdentity {
    uid_t owner = 0;
    unsigned device_major = 0;
    unsigned device_minor = 0;
    bool operator==(const MountIdentity&) const = default;
};

// To be kept open until the process ends.
Result<UniqueFd> announce_presence(const MountIdentity& mount);

// A connection to the process that serves the mount: readable (at its end) once the process is gone. Nothing when there
// is no such process, or it is not the owner's.
std::optional<UniqueFd> connect_to_server(const MountIdentity& mount);

} // namespace gm::mount
