// SPDX-License-Identifier: LGPL-2.1-or-later
#include "appliance/version_folder.hpp"

#include "core/base/log.hpp"
#include "core/base/syscall.hpp"

#include <algorithm>
#include <cstdio>
#include <fcntl.h>
#include <filesystem>
#include <sys/file.h>
#include <sys/stat.h>
#include <vector>

namespace gm::appliance {
namespace {

namespace fs = std::filesystem;

constexpr const char* kLockName = "in-use"; // its time of change says when the version was last used
constexpr std::size_t kOthersKept = 2;
constexpr time_t kKeptSeconds = time_t{24} * 60 * 60;

// A rename first: an interrupted removal must not leave half a version under its name.
void remove_version(const std::string& cache_folder, const std::string& folder)
{
    const std::string aside = cache_folder + "/removed-" + fs::path{folder}.filename().string();
    std::error_code failure;
    fs::remove_all(aside, failure);
    fs::rename(folder, aside, failure);
    fs::remove_all(failure ? folder : aside, failure);
    if (failure) {
        log_debug("cannot remove old appliance '{}': {}", folder, failure.message());
    }
}

} // namespace

Result<std::string> stamp_text(const std::string& folder, std::string_view description)
{
    std::string text{description};
    for (const char* name : {"kernel", "initrd", "root"}) {
        const std::string path = folder + '/' + name;
        struct stat info {};
        GM_TRY(sys([&] { return ::stat(path.c_str(), &info); }, [&] { return fmt::format("'{}'", path); }));
        text += fmt::format("{} {}\n", name, info.st_size);
    }
    return text;
}

std::optional<std::shared_ptr<const UniqueFd>> open_version(const std::string& folder, std::string_view description)
{
    const std::string lock_path = folder + '/' + kLockName;
    auto lock = open_file(lock_path, O_RDONLY | O_NOFOLLOW);
    if (!lock.ok() || retry([&] { return ::flock(lock.value().get(), LOCK_SH | LOCK_NB); }) == -1) {
        return std::nullopt;
    }
    // Whoever removed the version had the lock before us: then the path leads elsewhere or nowhere now.
    struct stat ours {};
    struct stat there {};
    if (::fstat(lock.value().get(), &ours) == -1 || ::stat(lock_path.c_str(), &there) == -1 ||
        ours.st_ino != there.st_ino) {
        return std::nullopt;
    }
    const auto wanted = stamp_text(folder, description);
    const auto stamp = read_file(folder + '/' + kStampName);
    if (!wanted.ok() || !stamp.ok() || wanted.value() != stamp.value()) {
        return std::nullopt;
    }
    ::futimens(lock.value().get(), nullptr);
    return std::make_shared<const UniqueFd>(std::move(lock).take_value());
}

Result<void> publish_version(const std::string& built, const std::string& folder, std::string_view description)
{
    const std::string stamp = GM_TRY(stamp_text(built, description));
    GM_TRY(replace_file(built + '/' + kStampName, stamp));
    GM_TRY(replace_file(built + '/' + kLockName, {}));
    const std::string cache_folder = fs::path{folder}.parent_path();
    if (fs::exists(folder)) { // not whole, else it would have been used
        remove_version(cache_folder, folder);
    }
    GM_TRY(sys([&] { return ::rename(built.c_str(), folder.c_str()); },
               [&] { return fmt::format("rename '{}' to '{}'", built, folder); }));
    const UniqueFd parent = GM_TRY(open_file(cache_folder, O_RDONLY | O_DIRECTORY));
    GM_TRY(sys([&] { return ::fsync(parent.get()); }, "fsync"));
    return {};
}

void remove_stale(const std::string& cache_folder, const std::string& current)
{
    struct Version {
        time_t last_used = 0;
        std::string folder;
        UniqueFd lock;
    };
    std::vector<Version> unused;
    std::vector<std::string> leftovers;
    std::error_code failure;
    for (auto entry = fs::directory_iterator{cache_folder, failure}; !failure && entry != fs::directory_iterator{};
         entry.increment(failure)) {
        const std::string path = entry->path();
        const std::string name = entry->path().filename();
        if (name.starts_with("building-") || name.starts_with("removed-")) {
            leftovers.push_back(path);
        } else if (name.starts_with("appliance-") && path != current) {
            struct stat info {};
            auto lock = open_file(path + '/' + kLockName, O_RDONLY | O_NOFOLLOW);
            if (!lock.ok()) {
                leftovers.push_back(path);
            } else if (retry([&] { return ::flock(lock.value().get(), LOCK_EX | LOCK_NB); }) == 0 &&
                       ::fstat(lock.value().get(), &info) == 0) {
                unused.push_back({info.st_mtim.tv_sec, path, std::move(lock).take_value()});
            }
        }
    }
    for (const auto& path : leftovers) {
        fs::remove_all(path, failure);
    }
    std::sort(unused.begin(), unused.end(),
              [](const Version& a, const Version& b) { return a.last_used > b.last_used; });
    const time_t now = ::time(nullptr);
    for (std::size_t i = 0; i < unused.size(); ++i) {
        if (i >= kOthersKept || now - unused[i].last_used > kKeptSeconds) {
            remove_version(cache_folder, unused[i].folder);
        }
    }
}

} // namespace gm::appliance
