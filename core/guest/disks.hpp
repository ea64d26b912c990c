// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Plugs drives into a running virtual machine. Used by the launching thread.
#pragma once

#include "core/guest/drive_source.hpp"
#include "core/launch/qmp.hpp"

#include <vector>

namespace gm {

// All at once, without waiting for one after the other; returns when qemu has them, before the guest has seen them. The
// error is about the first drive that does not work.
Result<void> plug_disks(launch::Qmp& qmp, std::vector<DriveSource> drives, Deadline deadline);

} // namespace gm
