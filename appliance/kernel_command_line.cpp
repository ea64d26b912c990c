// SPDX-License-Identifier: LGPL-2.1-or-later
#include "appliance/kernel_command_line.hpp"

#include <string_view>

namespace gm::appliance {
namespace {

// Each word with what it is for; times are for an emulated CPU, where a boot takes a second and a half.
constexpr std::string_view kWords[] = {
    "panic=1",             // a dead guest ends qemu (-no-reboot) instead of hanging
    "no_timer_check",      // a loaded host delivers timer interrupts too late for that check
    "mitigations=off",     // one user, one program: nothing to protect from each other
    "random.trust_cpu=on", // no wait for entropy; the daemon adds the host's
    "cryptomgr.notests",   // saves 0.2 s of self tests
    "noreplace-smp",       // saves 0.15 s of patching the kernel's text
    "lsm=",                // no policy is loaded; labels on the guest's files are then plain attributes
    "8250.nr_uarts=1",     // probes one serial port, not four
};

} // namespace

std::string kernel_command_line(const KernelOptions& options)
{
    std::string line;
    for (const auto word : kWords) {
        line.append(word).push_back(' ');
    }
    line += options.verbose ? "loglevel=6" : "quiet";
    if (!options.console.empty()) {
        line += " console=" + options.console;
    }
    if (!options.appended.empty()) {
        line += ' ' + options.appended;
    }
    return line;
}

} // namespace gm::appliance
