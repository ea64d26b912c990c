// SPDX-License-Identifier: GPL-2.0-or-later
//
// guestmount --list: what is on the disks, without mounting it.
#pragma once

#include "mount/key_input.hpp"
#include "mount/options.hpp"

namespace gm::mount {

// Prints the list on standard output and returns the exit status. For the main thread, before there are others.
Result<int> list(const Options& options, KeyInput& key_input);

} // namespace gm::mount
