// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Where the appliance comes from: a fixed one named by LIBGUESTFS_PATH, or the user's own in the cache folder, which
// is built once (under a lock, aside, then renamed) and again whenever its inputs change. The store prints nothing:
// whoever calls prepare() shows the progress. One thread uses a store at a time; prepare() blocks.
#pragma once

#include "core/base/clock.hpp"
#include "core/base/error.hpp"
#include "core/base/unique_fd.hpp"

#include <functional>
#include <memory>
#include <string>

namespace gm::appliance {

// A ready appliance. Keep a copy for as long as a virtual machine uses the files: `in_use` holds a shared lock, without
// which a newer appliance may remove this folder.
struct ApplianceFiles {
    std::string kernel; // bzImage, or an ELF image that qemu starts through PVH
    std::string initrd;
    std::string root; // read-only root image, for a virtio-blk disk with serial rpc::kRootDiskSerial
    std::string folder;
    std::string key; // names the content: changes whenever any of the three files does
    std::shared_ptr<const UniqueFd> in_use;
};

struct Progress {
    enum class Step { waiting, building }; // waiting: another process builds the same appliance
    Step step = Step::building;
    std::string text; // "collecting files", for a person
    int percent = 0;  // never falls within one prepare()
};
// Called from within prepare(), about ten times a second at most.
using ProgressFn = std::function<void(const Progress&)>;

// The programs and lists that an appliance is made of.
struct ApplianceInputs {
    std::string supermin_folder; // package, host file and exclude lists in supermin's format
    std::string daemon;          // guestfsd, static

    // Beside the running program when installed, or in the build tree when the program runs from there.
    static Result<ApplianceInputs> find();
};

class ApplianceStore {
public:
    // LIBGUESTFS_PATH, LIBGUESTFS_CACHEDIR and SUPERMIN_* as the environment has them now.
    static Result<ApplianceStore> from_environment();

    // The appliance, ready for use. A few stat calls when nothing changed; else it builds, which takes some seconds.
    // ETIMEDOUT when it cannot be had before the deadline. `progress` may be empty.
    Result<ApplianceFiles> prepare(const ProgressFn& progress, Deadline deadline);

private:
    explicit ApplianceStore(std::string fixed_folder) : fixed_folder_(std::move(fixed_folder)) {}

    std::string fixed_folder_; // empty: the user's cache
};

// The calling user's cache folder, $LIBGUESTFS_CACHEDIR or /var/tmp with .guestmount-UID below: made when missing,
// refused when it is a symbolic link, not ours, or open to others.
Result<std::string> user_cache_folder();

} // namespace gm::appliance
