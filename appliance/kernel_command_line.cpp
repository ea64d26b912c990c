// SPDX-License-Identifier: LGPL-2.1-or-later
#include "appliance/kernel_command_line.hpp"

namespace gm::appliance {

std::string kernel_command_line(const KernelOptions& options)
{
    std::string line = "panic=1 no_timer_check mitigations=off random.trust_cpu=on";
    if (!options.console.empty()) {
        line += " console=" + options.console;
    }
    line += options.verbose ? " loglevel=6" : " quiet";
    if (!options.appended.empty()) {
        line += ' ' + options.appended;
    }
    return line;
}

} // namespace gm::appliance
