// SPDX-License-Identifier: LGPL-2.1-or-later
#include "appliance/cache_folder.hpp"

#include "core/base/syscall.hpp"

#include <cstdlib>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace gm::appliance {

Result<std::string> private_cache_folder(const std::string& parent)
{
    std::string path = fmt::format("{}/.guestmount-{}", parent, ::geteuid());
    if (::mkdir(path.c_str(), 0700) == -1 && errno != EEXIST) {
        const int errno_value = errno;
        return with_context(system_error(errno_value, fmt::format("cannot make cache folder '{}'", path)),
                            "LIBGUESTFS_CACHEDIR can name another place");
    }
    // Checked through a descriptor: what is checked is the folder itself, not what a link points to.
    const auto folder = open_file(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    if (!folder.ok()) {
        if (folder.error().errno_value == ELOOP || folder.error().errno_value == ENOTDIR) {
            return make_error(EPERM, "cache folder '{}' is not a folder but a link or file: remove it", path);
        }
        return make_error(folder.error().errno_value, "cache folder '{}' cannot be opened: is it another user's?",
                          path);
    }
    struct stat info {};
    GM_TRY(sys([&] { return ::fstat(folder.value().get(), &info); }, "fstat"));
    if (info.st_uid != ::geteuid()) {
        return make_error(EPERM,
                          "cache folder '{}' belongs to user {}, not to you ({}): remove it or set LIBGUESTFS_CACHEDIR",
                          path, info.st_uid, ::geteuid());
    }
    if ((info.st_mode & 0077) != 0) {
        return make_error(EPERM, "cache folder '{}' has mode {:o}: others must not reach it (chmod 700, or remove it)",
                          path, info.st_mode & 07777);
    }
    return path;
}

std::string cache_parent()
{
    const auto variable = [](const char* name) {
        const char* value = std::getenv(name);
        return std::string{value == nullptr ? "" : value};
    };
    if (auto chosen = variable("LIBGUESTFS_CACHEDIR"); !chosen.empty()) {
        return chosen;
    }
    const std::string usual = "/var/tmp";
    const auto temporary = variable("TMPDIR");
    // In a container with a read-only root, TMPDIR is all that there is.
    return ::access(usual.c_str(), W_OK) == 0 || temporary.empty() ? usual : temporary;
}

} // namespace gm::appliance
