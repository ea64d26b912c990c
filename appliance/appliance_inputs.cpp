// SPDX-License-Identifier: LGPL-2.1-or-later
#include "appliance/appliance_inputs.hpp"

#include <algorithm>
#include <filesystem>
#include <sys/stat.h>
#include <vector>

namespace gm::appliance {
namespace {

// Changes with the way an appliance is put together, so that a newer program does not take an older one's result.
constexpr int kLayout = 1;

// Databases of the host's package managers: one of them changes with every update of a storage tool.
constexpr const char* kPackageDatabases[] = {"/var/lib/dpkg/status", "/var/lib/rpm/rpmdb.sqlite",
                                             "/usr/lib/sysimage/rpm/rpmdb.sqlite", "/var/lib/rpm/Packages",
                                             "/var/lib/pacman/local"};

Result<std::string> describe_file(const std::string& path)
{
    struct stat info {};
    if (::stat(path.c_str(), &info) == -1) {
        return system_error(errno, fmt::format("'{}'", path));
    }
    return fmt::format("{} {} {}.{:09}\n", path, info.st_size, info.st_mtim.tv_sec, info.st_mtim.tv_nsec);
}

} // namespace

Result<ApplianceInputs> ApplianceInputs::find()
{
    std::error_code failure;
    const auto program = std::filesystem::read_symlink("/proc/self/exe", failure);
    if (failure) {
        return system_error(failure.value(), "/proc/self/exe");
    }
    // The build tree is looked at only by programs that are in it themselves: for an installed one, that path may since
    // belong to somebody else.
    const bool in_build_tree = program.string().starts_with(GM_BUILD_FOLDER "/");
    const auto beside = (program.parent_path().parent_path() / "lib/guestmount").string();
    ApplianceInputs inputs = in_build_tree ? ApplianceInputs{GM_BUILD_FOLDER "/lib/guestmount", GM_BUILT_DAEMON}
                                           : ApplianceInputs{beside, beside + "/guestfsd"};
    for (const auto& path : {inputs.supermin_folder() + "/packages", inputs.module_list(), inputs.daemon}) {
        if (!std::filesystem::exists(path, failure)) {
            return make_error(ENOENT, "'{}' is missing: guestmount is not completely installed", path);
        }
    }
    return inputs;
}

Result<std::string> describe_inputs(const ApplianceInputs& inputs, const HostKernel& kernel)
{
    std::vector<std::string> paths{kernel.image, kernel.modules_folder + "/modules.dep", inputs.daemon,
                                   inputs.module_list()};
    std::error_code failure;
    const std::string folder = inputs.supermin_folder();
    for (auto entry = std::filesystem::directory_iterator{folder, failure};
         !failure && entry != std::filesystem::directory_iterator{}; entry.increment(failure)) {
        paths.push_back(entry->path());
    }
    if (failure) {
        return system_error(failure.value(), fmt::format("'{}'", folder));
    }
    std::sort(paths.begin() + 4, paths.end());
    const auto* database = std::find_if(std::begin(kPackageDatabases), std::end(kPackageDatabases),
                                        [](const char* path) { return std::filesystem::exists(path); });
    if (database != std::end(kPackageDatabases)) {
        paths.emplace_back(*database);
    }
    std::string text = fmt::format("guestmount appliance {}\nkernel version {}\n", kLayout, kernel.version);
    for (const auto& path : paths) {
        text += GM_TRY(describe_file(path));
    }
    return text;
}

std::string short_hash(std::string_view text)
{
    std::uint64_t hash = 0xcbf29ce484222325U;
    for (const char c : text) {
        hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
    }
    return fmt::format("{:016x}", hash);
}

} // namespace gm::appliance
