// SPDX-License-Identifier: LGPL-2.1-or-later
#include "appliance/appliance_store.hpp"

#include "appliance/appliance_builder.hpp"
#include "appliance/version_folder.hpp"
#include "core/base/syscall.hpp"
#include "core/base/temp_dir.hpp"

#include <algorithm>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <sstream>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <thread>

namespace gm::appliance {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kSpaceToBuild = std::uint64_t{200} << 20U;
constexpr Millis kLockPause{50}; // flock(2) has no timeout, so the lock is asked for again and again

std::string environment(const char* name)
{
    const char* value = std::getenv(name);
    return value == nullptr ? std::string{} : std::string{value};
}

ApplianceFiles files_in(const std::string& folder, std::string key, std::shared_ptr<const UniqueFd> in_use)
{
    return {.kernel = folder + "/kernel",
            .initrd = folder + "/initrd",
            .root = folder + "/root",
            .folder = folder,
            .key = std::move(key),
            .in_use = std::move(in_use)};
}

Result<ApplianceFiles> fixed_appliance(const std::string& path)
{
    std::istringstream folders{path};
    for (std::string folder; std::getline(folders, folder, ':');) {
        if (!fs::exists(folder + "/kernel")) {
            continue;
        }
        ApplianceFiles files = files_in(folder, {}, nullptr);
        std::string content;
        for (const auto& file : {files.kernel, files.initrd, files.root, folder + '/' + kStampName}) {
            struct stat info {};
            if (::stat(file.c_str(), &info) == -1) {
                return make_error(errno,
                                  "LIBGUESTFS_PATH names the fixed appliance '{}', but '{}' is missing: make it with "
                                  "guestmount-make-appliance",
                                  folder, file);
            }
            if (::access(file.c_str(), R_OK) == -1) {
                return system_error(errno, fmt::format("fixed appliance '{}'", file));
            }
            content += fmt::format("{} {} {}.{}\n", file, info.st_size, info.st_mtim.tv_sec, info.st_mtim.tv_nsec);
        }
        files.key = short_hash(content);
        return files;
    }
    return make_error(ENOENT,
                      "LIBGUESTFS_PATH is '{}', but no appliance is there (files kernel, initrd, root): make it with "
                      "guestmount-make-appliance, or unset the variable",
                      path);
}

Result<void> check_space(const std::string& folder)
{
    struct statvfs info {};
    GM_TRY(sys([&] { return ::statvfs(folder.c_str(), &info); }, [&] { return fmt::format("'{}'", folder); }));
    const std::uint64_t available = info.f_bavail * info.f_frsize;
    if (available < kSpaceToBuild) {
        return make_error(ENOSPC, "'{}' has {} MB left, but building the appliance takes {} MB", folder,
                          available >> 20U, kSpaceToBuild >> 20U);
    }
    return {};
}

Result<UniqueFd> lock_for_building(const std::string& cache, const ProgressFn& progress, Deadline deadline)
{
    UniqueFd lock = GM_TRY(open_file(cache + "/lock", O_RDWR | O_CREAT | O_NOFOLLOW, 0600));
    while (retry([&] { return ::flock(lock.get(), LOCK_EX | LOCK_NB); }) == -1) {
        if (errno != EWOULDBLOCK) {
            return system_error(errno, fmt::format("lock '{}/lock'", cache));
        }
        if (deadline.passed()) {
            return make_error(ETIMEDOUT, "another process is still building the appliance in '{}'", cache);
        }
        if (progress) {
            progress({Progress::Step::waiting, "waiting for another process that builds the appliance", 0});
        }
        std::this_thread::sleep_for(std::min(kLockPause, deadline.left()));
    }
    return lock;
}

} // namespace

Result<ApplianceStore> ApplianceStore::from_environment()
{
    StoreSettings settings;
    settings.fixed_path = environment("LIBGUESTFS_PATH");
    settings.cache_parent = cache_parent();
    settings.kernel = KernelChoice::from_environment();
    return ApplianceStore{std::move(settings)};
}

Result<ApplianceStore::Wanted> ApplianceStore::wanted() const
{
    Wanted wanted;
    if (settings_.inputs) {
        wanted.inputs = *settings_.inputs;
    } else {
        wanted.inputs = GM_TRY(ApplianceInputs::find());
    }
    wanted.kernel = GM_TRY(find_host_kernel(settings_.kernel));
    wanted.description = GM_TRY(describe_inputs(wanted.inputs, wanted.kernel));
    return wanted;
}

Result<ApplianceFiles> ApplianceStore::prepare(const ProgressFn& progress, Deadline deadline)
{
    if (!settings_.fixed_path.empty()) {
        return fixed_appliance(settings_.fixed_path);
    }
    const Wanted wanted = GM_TRY(this->wanted());
    const std::string cache = GM_TRY(private_cache_folder(settings_.cache_parent));
    const std::string key = short_hash(wanted.description);
    const std::string folder = cache + "/appliance-" + key;
    if (auto in_use = open_version(folder, wanted.description)) {
        return files_in(folder, key, *std::move(in_use));
    }
    const UniqueFd lock = GM_TRY(lock_for_building(cache, progress, deadline));
    if (auto in_use = open_version(folder, wanted.description)) { // built while we waited
        return files_in(folder, key, *std::move(in_use));
    }
    return build_version(wanted, cache, folder, progress, deadline);
}

Result<ApplianceFiles> ApplianceStore::build_version(const Wanted& wanted, const std::string& cache,
                                                     const std::string& folder, const ProgressFn& progress,
                                                     Deadline deadline)
{
    remove_stale(cache, folder);
    GM_TRY(check_space(cache));
    const auto building = GM_TRY(TempDir::make(cache, "building-"));
    const std::string built = building.path() + "/appliance";
    GM_TRY(sys([&] { return ::mkdir(built.c_str(), 0700); }, [&] { return fmt::format("make folder '{}'", built); }));
    auto done = build_appliance({wanted.inputs, wanted.kernel, built, settings_.supermin}, progress, deadline);
    if (!done.ok()) {
        return with_context(done.take_error(), fmt::format("build the appliance in '{}'", cache));
    }
    GM_TRY(publish_version(built, folder, wanted.description));
    auto in_use = open_version(folder, wanted.description);
    if (!in_use) {
        return make_error(EIO, "the appliance was built, but '{}' is not whole", folder);
    }
    return files_in(folder, short_hash(wanted.description), *std::move(in_use));
}

Result<ApplianceFiles> ApplianceStore::build_fixed(const std::string& folder, const ProgressFn& progress,
                                                   Deadline deadline)
{
    const Wanted wanted = GM_TRY(this->wanted());
    if (::mkdir(folder.c_str(), 0755) == -1 && errno != EEXIST) {
        return system_error(errno, fmt::format("make folder '{}'", folder));
    }
    std::error_code failure;
    if (!fs::is_empty(folder, failure) || failure) {
        return make_error(failure ? failure.value() : ENOTEMPTY, "'{}' is not an empty folder", folder);
    }
    GM_TRY(check_space(folder));
    const auto building = GM_TRY(TempDir::make(folder, "building-"));
    GM_TRY(build_appliance({wanted.inputs, wanted.kernel, building.path(), settings_.supermin}, progress, deadline));
    const std::string stamp = GM_TRY(stamp_text(building.path(), wanted.description));
    GM_TRY(replace_file(building.path() + '/' + kStampName, stamp));
    for (const char* name : {"initrd", "root", kStampName, "kernel"}) { // the kernel last: it makes the folder one
        const std::string from = building.path() + '/' + name;
        const std::string to = folder + '/' + name;
        GM_TRY(sys([&] { return ::chmod(from.c_str(), 0644); }, [&] { return fmt::format("'{}'", from); }));
        GM_TRY(sys([&] { return ::rename(from.c_str(), to.c_str()); }, [&] { return fmt::format("'{}'", to); }));
    }
    return fixed_appliance(folder);
}

} // namespace gm::appliance
