// SPDX-License-Identifier: GPL-2.0-or-later
//
// The life of the process that serves a mount, from the checked command line to the exit status: appliance, virtual
// machine, file systems of the guest, FUSE mount, ready, service, and the same backwards.
#pragma once

#include "mount/background.hpp"
#include "mount/key_input.hpp"
#include "mount/options.hpp"

namespace gm::mount {

// Blocks until the mount is gone. To be called by the main thread, before there are others: qemu dies with it.
// `options` has absolute paths. Keys that are missing are asked for through `key_input`.
int serve(const Options& options, KeyInput& key_input, Report& report);

} // namespace gm::mount
