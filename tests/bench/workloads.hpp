// SPDX-License-Identifier: GPL-2.0-or-later
//
// What is done on the mounts: each is a script with the mounted folder as $1, measured as a whole.
#pragma once

#include "tests/bench/contender.hpp"
#include "tests/bench/report.hpp"

namespace gm::bench {

struct Workload {
    std::string name;
    MountJob job;
    std::string prepare; // before, not measured; may be empty
    std::string script;
    int times = 1; // the last of so many runs on one mount is measured
};

// The images are in `work`, see images.sh.
std::vector<Workload> workloads(const std::string& work);

// Every contender in turn, `rounds` times, each on a fresh mount (of a fresh copy of the image, when it is written).
Result<void> measure(const Workload& workload, const Contenders& contenders, int rounds, const std::string& work,
                     Report& report);

} // namespace gm::bench
