// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Disks that are named by a URI: file, http, https, ftp, ftps, nbd, nbd+unix, rbd, iscsi, ssh. Pure; any thread.
#pragma once

#include "core/base/error.hpp"

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace gm {

struct RemoteDisk {
    nlohmann::json protocol; // options of qemu's protocol node
    bool always_read_only = false;
    std::string password;        // empty: there is none
    std::string password_option; // of the protocol node: which takes the id of a secret object
};

struct DriveUri {
    std::optional<std::string> local_path; // file:
    std::optional<RemoteDisk> remote;      // everything else
};

// Whether it has the form scheme://; everything else is a path.
bool is_drive_uri(std::string_view source);

// The password in a URI, which may have something before it; empty: there is none. A part of `source`.
std::string_view password_in(std::string_view source);

// The same with dots in place of a password, for messages; a path is returned as it is.
std::string without_password(std::string_view source);

// EINVAL says what is wrong with it, and never repeats a password.
Result<DriveUri> parse_drive_uri(std::string_view uri);

} // namespace gm
