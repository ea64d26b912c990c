// SPDX-License-Identifier: GPL-2.0-or-later
//
// How long it takes until a mount answers, and until it is gone.
#pragma once

#include "tests/bench/contender.hpp"
#include "tests/bench/report.hpp"

namespace gm::bench {

// The first launch with nothing in the cache folder; cold boots; starts from the template; unmounting; ten at once with
// the memory that they take.
Result<void> measure_launches(const Contenders& contenders, int rounds, const std::string& work, Report& report);

} // namespace gm::bench
