// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A storage tool of the root image, run to its end: by argv, never through a shell. Any thread; blocks.
#pragma once

#include "core/base/clock.hpp"
#include "core/base/error.hpp"

#include <string>
#include <vector>

namespace gm::daemon {

// Its standard output. A failure is EIO with the last line of what it complained of; ETIMEDOUT; ENOENT: not there.
Result<std::string> run_tool(std::vector<std::string> argv, Millis timeout = Millis{60'000},
                             std::string_view input = {});

// The same, but answers what it wrote to its standard error.
Result<std::string> run_tool_for_messages(std::vector<std::string> argv, Millis timeout = Millis{60'000});

} // namespace gm::daemon
