// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The kernel command line of the appliance. Values; any thread.
#pragma once

#include <string>

namespace gm::appliance {

struct KernelOptions {
    bool verbose = false;      // kernel messages to the console
    std::string console = "";  // "ttyS0", "hvc0", ...; empty: none
    std::string appended = ""; // LIBGUESTFS_APPEND
};

std::string kernel_command_line(const KernelOptions& options);

} // namespace gm::appliance
