// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Which distribution a Linux tree holds, from os-release(5) and, in older systems, the release files that came before
// it. Pure but for the tree.
#pragma once

#include "daemon/inspect/guest_tree.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace gm::daemon {

struct Release {
    std::string distribution; // as ID of os-release: "debian", "rhel" ...
    std::string product;      // for people
    std::string version;      // "12", "8.9"; may be empty

    bool operator==(const Release&) const = default;
};

// ID, PRETTY_NAME or NAME, VERSION_ID. Nothing without any of them.
std::optional<Release> parse_os_release(std::string_view text);

// DISTRIB_ID, DISTRIB_DESCRIPTION, DISTRIB_RELEASE of Ubuntu's and others' lsb-release.
std::optional<Release> parse_lsb_release(std::string_view text);

// `usr` is the tree that is mounted on /usr, when that is another file system.
std::optional<Release> linux_release(const GuestTree& tree, const GuestTree* usr);

// The name of the machine, empty when it has none.
std::string linux_hostname(const GuestTree& tree);

} // namespace gm::daemon
