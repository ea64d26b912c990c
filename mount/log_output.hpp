// SPDX-License-Identifier: GPL-2.0-or-later
//
// Where the log lines of the host programs go: standard error, through spdlog. Before threads start.
#pragma once

namespace gm::mount {

// verbose: what happens; trace: every operation and call as well.
void log_to_standard_error(bool verbose, bool trace);

} // namespace gm::mount
