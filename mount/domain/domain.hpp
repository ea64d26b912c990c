// SPDX-License-Identifier: GPL-2.0-or-later
//
// Disks of libvirt domains, as -d names them.
#pragma once

#include "core/base/error.hpp"
#include "core/guest/drive.hpp"

#include <optional>
#include <string>
#include <vector>

namespace gm::mount {

// Asks libvirt, by a program of its own. EBUSY: the domain runs, and the disks are not to be read only. EROFS: a disk
// that the domain only reads. The error names the domain. Blocks, at most 30 s.
Result<std::vector<Drive>> domain_drives(const std::string& name, const std::optional<std::string>& connection,
                                         bool read_only);

} // namespace gm::mount
