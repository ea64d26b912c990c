// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/btrfs_devices.hpp"

#include "core/base/log.hpp"
#include "core/base/syscall.hpp"
#include "daemon/mount_options.hpp"

#include <algorithm>
#include <cstring>
#include <fcntl.h>
#include <linux/btrfs.h>
#include <map>
#include <sys/ioctl.h>
#include <unistd.h>
#include <vector>

namespace gm::daemon {
namespace {

constexpr std::string_view kDevice = "device=";

struct Candidate {
    std::string name; // the user's
    std::string path; // the kernel's
};

std::optional<BtrfsMember> member_on(const std::string& path)
{
    const auto fd = open_file(path, O_RDONLY);
    std::string block(kBtrfsSuperblockSize, '\0');
    if (!fd.ok() || ::pread(fd->get(), block.data(), block.size(), kBtrfsSuperblockAt) !=
                        static_cast<ssize_t>(kBtrfsSuperblockSize)) {
        return std::nullopt;
    }
    return parse_btrfs_superblock(block);
}

// Errors are left to mounting, which knows more of what is missing.
void tell_kernel(int control, unsigned long request, const std::string& path)
{
    btrfs_ioctl_vol_args args{};
    if (path.size() < sizeof args.name) {
        std::memcpy(args.name, path.data(), path.size());
        if (::ioctl(control, request, &args) == -1) {
            log_debug("btrfs: '{}': {}", path, std::strerror(errno));
        }
    }
}

} // namespace

std::optional<BtrfsMember> parse_btrfs_superblock(std::string_view block)
{
    constexpr std::size_t kFilesystem = 32;
    constexpr std::size_t kMagic = 64;
    constexpr std::size_t kDevices = 136;
    constexpr std::size_t kNumber = 201;
    if (block.size() != kBtrfsSuperblockSize || !block.substr(kMagic).starts_with("_BHRfS_M")) {
        return std::nullopt;
    }
    BtrfsMember member{.filesystem = std::string{block.substr(kFilesystem, 16)}};
    std::memcpy(&member.devices, block.data() + kDevices, sizeof member.devices);
    std::memcpy(&member.number, block.data() + kNumber, sizeof member.number);
    return member;
}

Result<BtrfsDevices> gather_btrfs_devices(const std::string& path, std::string_view options, Devices& devices)
{
    BtrfsDevices gathered;
    std::vector<std::string> chosen;
    for (const auto option : split_options(options)) {
        if (option.starts_with(kDevice)) {
            chosen.emplace_back(option.substr(kDevice.size()));
        } else {
            add_option(gathered.options, option);
        }
    }
    const auto own = member_on(path);
    if (!own || own->devices <= 1) {
        return gathered;
    }
    std::map<std::uint64_t, std::vector<Candidate>> members;
    for (const auto& device : devices.list()) {
        const auto kernel_path = devices.kernel_path(device.name);
        const auto member = kernel_path.ok() ? member_on(*kernel_path) : std::nullopt;
        if (member && member->filesystem == own->filesystem &&
            (member->number != own->number || *kernel_path == path)) {
            members[member->number].push_back({device.name, *kernel_path});
        }
    }
    for (auto& [number, candidates] : members) {
        if (candidates.size() == 1) {
            continue;
        }
        std::string names;
        for (const auto& candidate : candidates) {
            names += (names.empty() ? "" : ", ") + candidate.name;
        }
        std::erase_if(candidates,
                      [&](const Candidate& candidate) { return std::ranges::count(chosen, candidate.name) == 0; });
        if (candidates.size() != 1) {
            return make_error(EEXIST,
                              "copies of it are on the disks, its device {} on {}: choose with the option device=NAME",
                              number, names);
        }
    }
    const UniqueFd control = GM_TRY(open_file("/dev/btrfs-control", O_RDWR));
    tell_kernel(control.get(), BTRFS_IOC_FORGET_DEV, {}); // those of copies that were seen before
    for (const auto& [number, candidates] : members) {
        tell_kernel(control.get(), BTRFS_IOC_SCAN_DEV, candidates.front().path);
    }
    if (members.size() < own->devices) {
        gathered.missing =
            fmt::format("only {} of its {} devices are on the disks: add the others, or mount it with the "
                        "option 'degraded'",
                        members.size(), own->devices);
    }
    return gathered;
}

} // namespace gm::daemon
