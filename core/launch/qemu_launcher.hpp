// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Brings the appliance to the point where its daemon answers: chooses the accelerator, restores the template or boots
// cold, and falls back by itself from whatever does not work in time. launch() blocks and must be called by a thread
// that lives as long as the virtual machine.
#pragma once

#include "appliance/appliance_store.hpp"
#include "core/launch/machine.hpp"
#include "core/launch/qemu_process.hpp"
#include "core/rpc/link.hpp"

namespace gm::launch {

struct LaunchRequest {
    appliance::ApplianceFiles appliance;
    MachineSettings settings;
    std::string cache_folder; // for templates and remembered decisions; empty: none
    int cancel_fd = -1;       // readable: give up, ECANCELED
    bool echo = false;        // the console to standard error as it comes
    // One line that the user should see although the launch goes on; may be empty.
    std::function<void(const std::string&)> notice;
};

struct Launched {
    std::unique_ptr<rpc::Link> link; // outlives qemu's watching thread: declared first
    std::unique_ptr<QemuProcess> qemu;
    Accelerator accelerator = Accelerator::tcg;
    bool from_template = false;
};

// ECANCELED, or an error whose text says what did not work.
Result<Launched> launch(const LaunchRequest& request);

} // namespace gm::launch
