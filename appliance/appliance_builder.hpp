// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Makes the three files of an appliance from the host's kernel and packages. Knows nothing of caches and locks: it
// fills an empty folder. One thread; blocks for some seconds.
#pragma once

#include "appliance/appliance_inputs.hpp"
#include "appliance/host_kernel.hpp"
#include "appliance/progress.hpp"
#include "core/base/clock.hpp"
#include "core/base/error.hpp"

#include <string>

namespace gm::appliance {

struct BuildPlan {
    ApplianceInputs inputs;
    HostKernel kernel;
    std::string folder;                // existing and empty; gets kernel, initrd and root, all synced to disk
    std::string supermin = "supermin"; // the program
};

// ENOSPC when the disk is full, ENOENT for a missing program, ETIMEDOUT. After a failure the folder is in no particular
// state; the caller removes it.
Result<void> build_appliance(const BuildPlan& plan, const ProgressFn& progress, Deadline deadline);

} // namespace gm::appliance
