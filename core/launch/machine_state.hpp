// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Saves a running virtual machine's device state to a file and loads it into a fresh qemu. The memory is not part of
// it: it stays in, or is mapped from, its own file (capability x-ignore-shared). Used by the launching thread.
#pragma once

#include "core/launch/qemu_process.hpp"

namespace gm::launch {

// Stops the machine at a consistent point; the command "cont" lets it go on.
Result<void> save_state(QemuProcess& qemu, int file, Deadline deadline);

// `qemu` was started with QemuPlan::incoming. Returns when qemu has begun; the machine runs as soon as it is loaded,
// and qemu ends when that fails.
Result<void> load_state(Qmp& qmp, int file, Deadline deadline);

} // namespace gm::launch
