// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Which of the host's kernels goes into the appliance: SUPERMIN_KERNEL and its companions, or the newest one that has
// modules. Reads folders and file headers only. Any thread.
#pragma once

#include "core/base/error.hpp"

#include <string>

namespace gm::appliance {

struct HostKernel {
    std::string image;          // vmlinuz
    std::string version;        // as uname -r would say
    std::string modules_folder; // holds modules.dep

    bool operator==(const HostKernel&) const = default;
};

struct KernelChoice {
    std::string image;   // SUPERMIN_KERNEL; empty: choose
    std::string version; // SUPERMIN_KERNEL_VERSION; empty: as the image's header or name says
    std::string modules; // SUPERMIN_MODULES; empty: <modules_root>/<version>
    std::string boot_folder = "/boot";
    std::string modules_root = "/lib/modules";

    static KernelChoice from_environment();
};

// EACCES for a kernel that only root may read (the message says how to change that), ENOENT when there is none.
Result<HostKernel> find_host_kernel(const KernelChoice& choice);

} // namespace gm::appliance
