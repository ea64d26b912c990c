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
};

struct DriveUri {
    std::optional<std::string> local_path; // file:
    std::optional<RemoteDisk> remote;      // everything else
};

// Whether it has the form scheme://; everything else is a path.
bool is_drive_uri(std::string_view source);

// EINVAL says what is wrong with it.
Result<DriveUri> parse_drive_uri(std::string_view uri);

} // namespace gm
