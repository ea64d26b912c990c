// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Devices: from the user's names to the kernel's and back, and from a device to its place on a drive.
#include "core/base/syscall.hpp"
#include "daemon/devices.hpp"
#include "daemon/md.hpp"
#include "daemon/sysfs.hpp"

#include <algorithm>
#include <cctype>
#include <climits>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

namespace gm::daemon {
namespace {

bool is_block_device(const std::string& path)
{
    struct stat status;
    return ::stat(path.c_str(), &status) == 0 && S_ISBLK(status.st_mode);
}

bool is_word(char c)
{
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '-';
}

// A kernel name as disk and partition number: "sdb3" is {"sdb", 3}, "loop0p1" {"loop0", 1}.
std::pair<std::string, std::uint32_t> disk_and_partition(const std::string& kernel_name)
{
    // The folder of a partition lies in that of its disk.
    char target[PATH_MAX];
    const auto got = ::readlink(("/sys/class/block/" + kernel_name).c_str(), target, sizeof target);
    const auto number = sysfs_number("/sys/class/block/" + kernel_name + "/partition");
    if (got <= 0 || !number) {
        return {kernel_name, 0};
    }
    std::string_view path{target, static_cast<std::size_t>(got)};
    path = path.substr(0, path.rfind('/'));
    return {std::string{path.substr(path.rfind('/') + 1)}, static_cast<std::uint32_t>(*number)};
}

} // namespace

Result<std::string> Devices::kernel_path(const std::string& user_name)
{
    const auto missing = [&] { return make_error(ENOENT, "there is no device '{}'", user_name); };
    if (const auto name = parse_drive_name(user_name)) {
        const auto all = drives();
        if (name->drive >= all.size() || all[name->drive].empty()) {
            return missing();
        }
        const std::string& disk = all[name->drive];
        std::string path = "/dev/" + (name->partition != 0 ? kernel_partition_name(disk, name->partition) : disk);
        if (!is_block_device(path)) {
            return missing();
        }
        return path;
    }
    if (!user_name.starts_with("/dev/") || user_name.find("/../") != std::string::npos ||
        user_name.find('\0') != std::string::npos || !is_block_device(user_name)) {
        return missing();
    }
    return user_name;
}

std::optional<std::string> Devices::opened_content(const std::string& path)
{
    struct stat status;
    if (::stat(path.c_str(), &status) == -1) {
        return std::nullopt;
    }
    const auto holders = fmt::format("/sys/dev/block/{}:{}/holders", major(status.st_rdev), minor(status.st_rdev));
    for (const auto& holder : sysfs_names(holders)) {
        if (sysfs_text(holders + "/" + holder + "/dm/uuid").value_or("").starts_with("CRYPT-")) {
            return "/dev/" + holder;
        }
    }
    return std::nullopt;
}

Result<std::string> Devices::content_path(const std::string& user_name)
{
    std::string path = GM_TRY(kernel_path(user_name));
    constexpr int kMostLayers = 16;
    for (int layer = 0; layer < kMostLayers; ++layer) {
        auto content = opened_content(path);
        if (!content) {
            break;
        }
        path = std::move(*content);
    }
    return path;
}

std::vector<std::string> Devices::all_names(const std::string& user_name)
{
    std::vector<std::string> names{user_name};
    const auto path = kernel_path(user_name);
    struct stat status;
    if (!path.ok() || ::stat(path->c_str(), &status) == -1) {
        return names;
    }
    const auto mapped =
        sysfs_text(fmt::format("/sys/dev/block/{}:{}/dm/name", major(status.st_rdev), minor(status.st_rdev)));
    if (mapped) {
        names.push_back("/dev/mapper/" + *mapped);
    }
    const std::string leaf = path->substr(path->rfind('/') + 1);
    for (auto& alias : leaf.starts_with("md") ? raid_aliases(leaf) : std::vector<std::string>{}) {
        names.push_back(std::move(alias));
    }
    std::ranges::sort(names.begin() + 1, names.end());
    names.erase(std::unique(names.begin(), names.end()), names.end());
    return names;
}

std::string Devices::user_name(const std::string& kernel_name)
{
    const auto [disk, partition] = disk_and_partition(kernel_name);
    const auto all = drives();
    const auto found = std::ranges::find(all, disk);
    if (found == all.end()) {
        const std::string folder = "/sys/block/" + kernel_name + "/dm";
        const auto mapped = sysfs_text(folder + "/name");
        const bool volume = sysfs_text(folder + "/uuid").value_or("").starts_with("LVM-");
        return !mapped ? "/dev/" + kernel_name : volume ? volume_path(*mapped) : "/dev/mapper/" + *mapped;
    }
    return to_text({.drive = static_cast<std::uint32_t>(found - all.begin()), .partition = partition});
}

std::string Devices::in_user_names(std::string text)
{
    constexpr std::string_view folder = "/dev/";
    std::string out;
    for (std::size_t at = 0; at < text.size();) {
        std::size_t end = at;
        while (end < text.size() && is_word(text[end])) {
            ++end;
        }
        const std::string word = text.substr(at, end - at);
        if (!word.empty() && ::access(("/sys/class/block/" + word).c_str(), F_OK) == 0) {
            const std::string name = user_name(word);
            const bool has_folder = out.ends_with(folder);
            out += has_folder ? name.substr(folder.size()) : name;
        } else {
            out += word;
        }
        if (end < text.size()) {
            out += text[end++];
        }
        at = end;
    }
    return out;
}

std::optional<DriveRange> Devices::drive_range(std::uint64_t device)
{
    const std::string folder = fmt::format("/sys/dev/block/{}:{}", major(device), minor(device));
    char target[PATH_MAX];
    const auto got = ::readlink(folder.c_str(), target, sizeof target);
    const auto sectors = sysfs_number(folder + "/size");
    if (got <= 0 || !sectors) {
        return std::nullopt;
    }
    const std::string_view path{target, static_cast<std::size_t>(got)};
    const auto [disk, partition] = disk_and_partition(std::string{path.substr(path.rfind('/') + 1)});
    const auto all = drives();
    const auto found = std::ranges::find(all, disk);
    if (found == all.end()) {
        return std::nullopt;
    }
    const auto start = partition != 0 ? sysfs_number(folder + "/start") : std::optional<std::uint64_t>{0};
    if (!start) {
        return std::nullopt;
    }
    return DriveRange{.drive = static_cast<std::uint32_t>(found - all.begin()),
                      .start = *start * kSysfsSector,
                      .length = *sectors * kSysfsSector};
}

} // namespace gm::daemon
