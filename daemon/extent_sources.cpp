// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/extent_sources.hpp"

#include "daemon/mount_options.hpp"
#include "daemon/mount_table.hpp"
#include "daemon/sysfs.hpp"

namespace gm::daemon {
namespace {

// All data goes through the journal: what lies in its place may be old. Mount options show that only when it is not the
// default of this file system, so ext4's own list is asked.
bool journals_data(std::uint64_t device)
{
    const auto options = sysfs_text(fmt::format("/proc/fs/ext4/{}/options", kernel_name_of(device)));
    return !options || options->find("data=journal") != std::string::npos;
}

bool has_other_devices(std::uint64_t mount)
{
    const auto line = find_mount(mount);
    return !line || has_option(line->super_options, "rtdev");
}

} // namespace

void ExtentSources::add(const Mounted& mounted, Devices& devices)
{
    const bool ext = mounted.type == "ext2" || mounted.type == "ext3" || mounted.type == "ext4";
    if (!ext && mounted.type != "xfs") {
        return;
    }
    if (ext ? journals_data(mounted.number) : has_other_devices(mounted.mount)) {
        return;
    }
    const auto range = devices.drive_range(mounted.number);
    if (range) {
        sources_.with([&](auto& sources) {
            sources[mounted.number] = {.range = *range, .ask_flags = ext && !mounted.read_only};
        });
    }
}

void ExtentSources::clear()
{
    sources_.with([](auto& sources) { sources.clear(); });
}

std::optional<ExtentSource> ExtentSources::find(std::uint64_t device) const
{
    return sources_.with([&](const auto& sources) {
        const auto found = sources.find(device);
        return found != sources.end() ? std::optional{found->second} : std::nullopt;
    });
}

} // namespace gm::daemon
