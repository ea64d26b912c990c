// SPDX-License-Identifier: LGPL-2.1-or-later
#include "appliance/appliance_store.hpp"

#include "core/base/syscall.hpp"

#include <cstdlib>
#include <fmt/format.h>
#include <sys/stat.h>

namespace gm::appliance {
namespace {

std::string environment(const char* name)
{
    const char* value = std::getenv(name);
    return value == nullptr ? std::string{} : std::string{value};
}

Result<ApplianceFiles> fixed_appliance(const std::string& folder)
{
    ApplianceFiles files{.kernel = folder + "/kernel",
                         .initrd = folder + "/initrd",
                         .root = folder + "/root",
                         .folder = folder,
                         .key = "fixed",
                         .in_use = nullptr};
    for (const auto* path : {&files.kernel, &files.initrd, &files.root}) {
        struct stat info {};
        if (::stat(path->c_str(), &info) == -1) {
            return system_error(errno, fmt::format("LIBGUESTFS_PATH: '{}'", *path));
        }
        files.key += fmt::format("-{:x}.{:x}", info.st_size, info.st_mtim.tv_sec);
    }
    return files;
}

} // namespace

Result<ApplianceStore> ApplianceStore::from_environment()
{
    return ApplianceStore{environment("LIBGUESTFS_PATH")};
}

Result<ApplianceFiles> ApplianceStore::prepare(const ProgressFn& progress, Deadline deadline)
{
    if (!fixed_folder_.empty()) {
        return fixed_appliance(fixed_folder_);
    }
    (void)progress;
    (void)deadline;
    return make_error(ENOSYS, "building the appliance is not implemented yet: set LIBGUESTFS_PATH");
}

Result<std::string> user_cache_folder()
{
    const std::string parent = environment("LIBGUESTFS_CACHEDIR");
    std::string path = fmt::format("{}/.guestmount-{}", parent.empty() ? "/var/tmp" : parent, ::geteuid());
    if (::mkdir(path.c_str(), 0700) == -1 && errno != EEXIST) {
        return system_error(errno, fmt::format("make cache folder '{}'", path));
    }
    return path;
}

Result<ApplianceInputs> ApplianceInputs::find()
{
    return make_error(ENOSYS, "not implemented yet");
}

} // namespace gm::appliance
