// SPDX-License-Identifier: GPL-2.0-or-later
//
// How the guest's attributes are shown, and for whom things are created: the options uid=, gid= and umask=, and what a
// private mount means. A value; any thread.
#pragma once

#include "core/rpc/types.hpp"

#include <cstdint>
#include <optional>
#include <sys/stat.h>

namespace gm::mount {

// Who asks, as the kernel says.
struct Request {
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
    std::uint32_t umask = 0;
    bool operator==(const Request&) const = default;
};

struct AttrView {
    std::optional<std::uint32_t> uid;   // everything is shown as, and created for, this user
    std::optional<std::uint32_t> gid;   // the same for the group
    std::optional<std::uint32_t> umask; // the permission bits are shown as those that this mask leaves of 0777
    // The mount is for several users: what a caller creates belongs to that caller. Else the mounting user acts as the
    // guest's root.
    bool shared = false;

    [[nodiscard]] struct stat show(const rpc::Attr& attr, std::uint64_t number) const;
    [[nodiscard]] rpc::Caller creator(const Request& request) const;
    bool operator==(const AttrView&) const = default;
};

} // namespace gm::mount
