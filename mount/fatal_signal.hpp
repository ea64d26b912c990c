// SPDX-License-Identifier: GPL-2.0-or-later
//
// Whether a process is about to die. Any thread.
#pragma once

#include <sys/types.h>

namespace gm::mount {

// A deadly signal makes the kernel queue SIGKILL for every thread. False for a process that cannot be seen.
bool fatal_signal_pending(pid_t thread);

} // namespace gm::mount
