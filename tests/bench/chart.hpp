// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "tests/bench/report.hpp"

namespace gm::bench {

// The medians as bars in SVG, a logarithmic axis in seconds.
std::string chart(const Report& report);

} // namespace gm::bench
