// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What shapes a virtual machine, apart from the appliance that it runs. Values; any thread.
#pragma once

#include "core/base/error.hpp"

#include <optional>
#include <string>

namespace gm::launch {

enum class Accelerator { kvm, tcg };

inline const char* name_of(Accelerator accelerator)
{
    return accelerator == Accelerator::kvm ? "kvm" : "tcg";
}

struct MachineSettings {
    std::string qemu = "qemu-system-x86_64"; // name in PATH or path; a wrapper script works too
    std::optional<Accelerator> forced;       // nothing else is tried
    // Sparse: only what the guest touches is used. The key derivation of LUKS2 may touch 1 GiB.
    unsigned memory_mib = 1536;
    unsigned vcpus = 1;
    std::string kernel_options; // appended to the kernel's command line
    bool verbose = false;       // kernel messages on the console
    bool use_template = true;   // else each launch boots

    // LIBGUESTFS_HV (or its older name LIBGUESTFS_QEMU), LIBGUESTFS_MEMSIZE, LIBGUESTFS_BACKEND_SETTINGS and
    // LIBGUESTFS_APPEND. EINVAL names the variable whose value makes no sense.
    static Result<MachineSettings> from_environment();

    bool operator==(const MachineSettings&) const = default;
};

} // namespace gm::launch
