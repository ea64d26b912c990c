// SPDX-License-Identifier: GPL-2.0-or-later
#include "mount/mount_users.hpp"

#include "core/base/syscall.hpp"

#include <charconv>
#include <filesystem>

namespace gm::mount {
namespace {

namespace fs = std::filesystem;

bool leads_below(const fs::path& link, const std::string& mountpoint)
{
    std::error_code failure;
    const auto target = fs::read_symlink(link, failure).string();
    return !failure && target.starts_with(mountpoint) &&
           (target.size() == mountpoint.size() || target[mountpoint.size()] == '/');
}

bool uses(const fs::path& process, const std::string& mountpoint, const std::string& device)
{
    for (const char* link : {"cwd", "root", "exe"}) {
        if (leads_below(process / link, mountpoint)) {
            return true;
        }
    }
    std::error_code failure;
    for (const auto& descriptor : fs::directory_iterator(process / "fd", failure)) {
        if (leads_below(descriptor.path(), mountpoint)) {
            return true;
        }
    }
    constexpr std::size_t kMapsLimit = 16 << 20;
    const auto maps = read_file((process / "maps").string(), kMapsLimit);
    return maps.ok() && maps->find(" " + device + " ") != std::string::npos;
}

} // namespace

std::vector<MountUser> users_of(const std::string& mountpoint, const MountIdentity& mount)
{
    const auto device = fmt::format("{:02x}:{:02x}", mount.device_major, mount.device_minor); // as in proc_pid_maps(5)
    std::vector<MountUser> users;
    std::error_code failure;
    for (const auto& entry : fs::directory_iterator("/proc", failure)) {
        const auto name = entry.path().filename().string();
        MountUser user;
        const auto [stop, error] = std::from_chars(name.data(), name.data() + name.size(), user.process);
        if (error != std::errc{} || stop != name.data() + name.size() || !uses(entry.path(), mountpoint, device)) {
            continue;
        }
        const auto comm = read_file((entry.path() / "comm").string());
        user.name = comm.ok() ? comm->substr(0, comm->find('\n')) : "?";
        users.push_back(std::move(user));
    }
    return users;
}

} // namespace gm::mount
