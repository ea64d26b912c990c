// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Where the appliance comes from: a fixed one named by LIBGUESTFS_PATH, or the user's own in the cache folder, which
// is built once (under a lock, aside, then renamed) and again whenever its inputs change. The store prints nothing:
// whoever calls prepare() shows the progress. One thread uses a store at a time; prepare() blocks.
#pragma once

#include "appliance/appliance_inputs.hpp"
#include "appliance/cache_folder.hpp"
#include "appliance/host_kernel.hpp"
#include "appliance/progress.hpp"
#include "core/base/clock.hpp"
#include "core/base/error.hpp"
#include "core/base/unique_fd.hpp"

#include <memory>
#include <optional>
#include <string>

namespace gm::appliance {

// A ready appliance. Keep a copy for as long as a virtual machine uses the files: `in_use` holds a shared lock, without
// which a newer appliance may remove this folder.
struct ApplianceFiles {
    std::string kernel; // bzImage, or an ELF image that qemu starts through PVH
    std::string initrd;
    std::string root; // read-only root image, for a virtio-blk disk with serial rpc::kRootDiskSerial
    std::string folder;
    std::string key;                        // names the content: changes whenever any of the three files does
    std::shared_ptr<const UniqueFd> in_use; // null for a fixed appliance
};

struct StoreSettings {
    std::string fixed_path;                // LIBGUESTFS_PATH: folders separated by colons; empty: the user's cache
    std::string cache_parent;              // of the user's cache folder
    KernelChoice kernel;                   // SUPERMIN_*
    std::optional<ApplianceInputs> inputs; // none: ApplianceInputs::find()
    std::string supermin = "supermin";     // the program
};

class ApplianceStore {
public:
    explicit ApplianceStore(StoreSettings settings) : settings_(std::move(settings)) {}

    // As the environment says now.
    static Result<ApplianceStore> from_environment();

    // The appliance, ready for use. A few stat calls when nothing changed; else it builds, which takes some seconds.
    // ETIMEDOUT when it cannot be had before the deadline. `progress` may be empty.
    Result<ApplianceFiles> prepare(const ProgressFn& progress, Deadline deadline);

    // Builds a fixed appliance into `folder`, which is made when missing and must be empty.
    Result<ApplianceFiles> build_fixed(const std::string& folder, const ProgressFn& progress, Deadline deadline);

private:
    struct Wanted { // the version that the inputs call for
        ApplianceInputs inputs;
        HostKernel kernel;
        std::string description;
    };
    [[nodiscard]] Result<Wanted> wanted() const;
    Result<ApplianceFiles> build_version(const Wanted& wanted, const std::string& cache, const std::string& folder,
                                         const ProgressFn& progress, Deadline deadline);

    StoreSettings settings_;
};

} // namespace gm::appliance
