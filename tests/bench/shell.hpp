// SPDX-License-Identifier: GPL-2.0-or-later
//
// Runs what is measured and takes its time. Blocks; one thread.
#pragma once

#include "core/base/error.hpp"

#include <string>
#include <vector>

namespace gm::bench {

using Seconds = double;
using Environment = std::vector<std::string>; // NAME=value

// Both fail with the program's last words when its exit status is not 0, ETIMEDOUT after ten minutes.
Result<Seconds> run(const std::vector<std::string>& argv, const Environment& environment = {});
// `script` for sh, with `folder` as $1.
Result<Seconds> shell(const std::string& script, const std::string& folder);

} // namespace gm::bench
