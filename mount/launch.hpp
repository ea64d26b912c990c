// SPDX-License-Identifier: GPL-2.0-or-later
//
// The appliance with the disks of a command line. Blocks; for the main thread, before there are others.
#pragma once

#include "core/guest/guest.hpp"
#include "mount/options.hpp"
#include "mount/signal_watch.hpp"

namespace gm::mount {

Error interrupted();

// Builds the appliance when it is not there. ECANCELED once a signal came.
Result<std::unique_ptr<Guest>> launch_guest(const Options& options, const SignalWatch& signals);

} // namespace gm::mount
