// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The daemon's handlers behind a channel.
#pragma once

#include "daemon/handlers.hpp"

namespace gm::daemon {

// Serves the host over `channel` (borrowed) on `threads` threads until it closes the channel (success) or breaks the
// protocol (the error). Blocks.
Result<void> serve(int channel, Handlers& handlers, unsigned threads);

} // namespace gm::daemon
