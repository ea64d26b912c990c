// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The calling user's private cache folder. What lies in it is run inside a virtual machine of that user, so nobody else
// may have had a hand in it: /var/tmp is open to all. Any thread.
#pragma once

#include "core/base/error.hpp"

#include <string>

namespace gm::appliance {

// `parent`/.guestmount-UID, made with mode 0700 when missing. EPERM when it is a symbolic link, not a folder, another
// user's, or open to others.
Result<std::string> private_cache_folder(const std::string& parent);

// Where cache folders are: $LIBGUESTFS_CACHEDIR, or /var/tmp, or $TMPDIR where that cannot be written.
std::string cache_parent();

} // namespace gm::appliance
