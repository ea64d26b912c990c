// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What guestfsd does as process 1 of the appliance before it can serve: kernel file systems, modules, the root image,
// and the port to the host. No shell, no udev. Called first thing in main, from its only thread.
#pragma once

#include "core/base/error.hpp"
#include "core/base/unique_fd.hpp"

namespace gm::daemon {

// Takes the appliance from the initramfs to its root image and returns the open port to the host. Afterwards / is the
// read-only root image, /run and /tmp are empty and writable, /sysroot is an empty folder to mount the guest's file
// systems on, and the modules of nearly every mount are loaded. Bounded in time: ETIMEDOUT names what did not appear.
Result<UniqueFd> boot();

// Loads what boot() leaves to the kernel's demand because it is slow: all that a saved virtual machine should hold.
// Needs a second under emulation. A module that does not load is logged, not an error.
void load_template_modules();

} // namespace gm::daemon
