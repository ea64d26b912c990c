// SPDX-License-Identifier: GPL-2.0-or-later
#include "mount/checks.hpp"

#include "core/base/syscall.hpp"
#include "core/guest/drive_source.hpp"

#include <climits>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <memory>
#include <sstream>
#include <sys/stat.h>
#include <unistd.h>

namespace gm::mount {
namespace {

bool in_path(const char* program)
{
    const char* path = std::getenv("PATH");
    std::istringstream folders(path == nullptr ? "/usr/bin:/bin" : path);
    for (std::string folder; std::getline(folders, folder, ':');) {
        if (::access((folder + "/" + program).c_str(), X_OK) == 0) {
            return true;
        }
    }
    return false;
}

bool allows_others(const std::string& configuration)
{
    std::istringstream lines(configuration);
    for (std::string line; std::getline(lines, line);) {
        std::istringstream words(line);
        std::string word;
        if (words >> word && word == "user_allow_other") {
            return true;
        }
    }
    return false;
}

} // namespace

Result<std::string> check_mountpoint(const std::string& path)
{
    struct stat attr = {};
    if (::stat(path.c_str(), &attr) == -1) {
        const int failure = errno;
        if (failure == ENOTCONN) {
            return make_error(failure, "mountpoint '{}': a dead mount is still there; remove it with fusermount3 -u {}",
                              path, path);
        }
        return system_error(failure, fmt::format("mountpoint '{}'", path));
    }
    if (!S_ISDIR(attr.st_mode)) {
        return make_error(ENOTDIR, "mountpoint '{}': not a folder", path);
    }
    if (::access(path.c_str(), W_OK) == -1 && ::geteuid() != 0) {
        return make_error(EACCES, "mountpoint '{}': you may not write to this folder, so you may not mount on it",
                          path);
    }
    const std::unique_ptr<char, decltype(&std::free)> real(::realpath(path.c_str(), nullptr), &std::free);
    if (!real) {
        return system_error(errno, fmt::format("mountpoint '{}'", path));
    }
    return std::string(real.get());
}

Result<void> check_fuse(const FuseOptions& options)
{
    if (!in_path("fusermount3")) {
        return make_error(ENOENT, "fusermount3 is not installed (package fuse3)");
    }
    const auto device = open_file("/dev/fuse", O_RDWR);
    if (!device.ok()) {
        return with_context(device.error(), "FUSE cannot be used");
    }
    if ((options.allow_other || options.allow_root) && ::geteuid() != 0) {
        const auto configuration = read_file("/etc/fuse.conf");
        if (!configuration.ok() || !allows_others(*configuration)) {
            return make_error(EPERM,
                              "-o {}: only root may use it, or everybody once /etc/fuse.conf has a line "
                              "'user_allow_other'",
                              options.allow_other ? "allow_other" : "allow_root");
        }
    }
    return {};
}

Result<void> check_drives(const std::vector<Drive>& drives)
{
    for (const auto& drive : drives) {
        GM_TRY(DriveSource::check(drive));
    }
    return {};
}

Result<void> check_pid_file(const std::string& path)
{
    const auto folder = std::filesystem::path(path).parent_path().string();
    if (::access(folder.c_str(), W_OK) == -1) {
        return system_error(errno, fmt::format("--pid-file '{}': its folder", path));
    }
    return {};
}

std::string absolute_source(const std::string& source)
{
    if (source.find("://") != std::string::npos) {
        return source;
    }
    std::error_code failure;
    const auto path = std::filesystem::absolute(source, failure);
    return failure ? source : path.string();
}

} // namespace gm::mount
