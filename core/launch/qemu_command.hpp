// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The command line of qemu as a pure function of what is wanted. Disks of the user are not part of it: they are
// plugged in later, through QMP, by cold boot and restore alike. Values; any thread.
#pragma once

#include "core/launch/machine.hpp"

#include <string>
#include <vector>

namespace gm::launch {

// Guest memory as a file: shared when the file becomes a template, private (copy on write) in a clone of it.
struct RamFile {
    int fd = -1; // ours, not owned; open for reading and writing
    bool shared = false;

    bool operator==(const RamFile&) const = default;
};

// Numbers that descriptors have in qemu's process.
struct QemuFds {
    int qmp = 3;
    int rpc = 4;
    int console = 5;
    int ram = 6; // when there is a RamFile

    bool operator==(const QemuFds&) const = default;
};

struct QemuPlan {
    std::string qemu;
    Accelerator accelerator = Accelerator::tcg;
    unsigned memory_mib = 1536;
    unsigned vcpus = 1;
    std::string kernel;
    std::string initrd;
    std::string root;
    std::string kernel_command_line;
    std::optional<RamFile> ram; // none: anonymous memory
    bool incoming = false;      // wait for a device state instead of booting
    bool sandbox = true;
    QemuFds fds;
};

std::vector<std::string> qemu_argv(const QemuPlan& plan);

// The names by which QMP commands refer to what the command line sets up.
inline constexpr const char* kScsiBus = "scsi0.0";

} // namespace gm::launch
