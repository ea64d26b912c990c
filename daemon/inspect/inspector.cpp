// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/inspect/inspector.hpp"

#include "core/base/log.hpp"
#include "daemon/btrfs_subvolumes.hpp"
#include "daemon/inspect/candidate.hpp"

#include <algorithm>
#include <list>

namespace gm::daemon {
namespace {

// A mounted file system and the trees in it that may be roots: of btrfs those of its subvolumes too.
struct Opened {
    std::string device;
    HiddenMount mount;
    std::vector<Candidate> candidates; // before the mount in destruction: they keep it busy
};

void add_candidate(Opened& opened, const std::string& device, const std::string& type, const std::string& folder)
{
    auto tree = GuestTree::open(folder);
    if (tree.ok()) {
        opened.candidates.push_back({.device = device, .type = type, .tree = tree.take_value()});
    }
}

std::optional<Opened> open_filesystem(Mounts& mounts, const KnownDevice& device)
{
    auto mount = mounts.mount_hidden(device.name);
    if (!mount.ok()) {
        log_debug("{}", mount.error().text);
        return std::nullopt;
    }
    Opened opened{.device = device.name, .mount = mount.take_value(), .candidates = {}};
    add_candidate(opened, device.name, device.type, opened.mount.path());
    return opened;
}

// The subvolumes of a btrfs besides the one that is mounted without being named. Snapshots are roots only of
// themselves.
std::optional<Opened> open_subvolumes(Mounts& mounts, const KnownDevice& device)
{
    auto top = mounts.mount_hidden(device.name, "subvolid=5");
    const auto subvolumes =
        top.ok() ? list_subvolumes(top->path()) : Result<std::vector<Subvolume>>{Error{top.error()}};
    if (!subvolumes.ok()) {
        log_debug("{}", subvolumes.error().text);
        return std::nullopt;
    }
    Opened opened{.device = device.name, .mount = top.take_value(), .candidates = {}};
    for (const auto& subvolume : *subvolumes) {
        if (!subvolume.snapshot && !subvolume.is_default) {
            add_candidate(opened, "btrfsvol:" + device.name + "/" + subvolume.path, device.type,
                          opened.mount.path() + "/" + subvolume.path);
        }
        if (opened.candidates.size() == kMostFilesystems) {
            break;
        }
    }
    return opened;
}

void know_partitions(Surroundings& around, Devices& devices, std::uint32_t drive)
{
    const auto path = devices.kernel_path(to_text({.drive = drive, .partition = 0}));
    if (auto table = path.ok() ? probe_partitions(*path) : Result<PartitionTable>{Error{path.error()}}; table.ok()) {
        around.tables[drive] = table.take_value();
    }
}

void describe(KnownDevice& device, Surroundings& around, Devices& devices)
{
    device.place = parse_drive_name(device.name);
    if (!device.place || device.place->partition == 0) {
        return;
    }
    const auto drive = device.place->drive;
    if (!around.tables.contains(drive)) {
        know_partitions(around, devices, drive);
    }
    for (const auto& partition : around.tables[drive].partitions) {
        if (partition.number == device.place->partition) {
            device.part_uuid = partition.uuid;
            device.part_label = partition.label;
        }
    }
}

struct Survey {
    Surroundings around;
    std::list<Opened> opened;
};

void survey(Survey& survey, Devices& devices, Mounts& mounts, const std::stop_token& stop)
{
    const auto all = devices.list();
    for (std::size_t i = 0; i < all.size() && !stop.stop_requested(); ++i) {
        KnownDevice device{};
        device.name = all[i].name;
        device.names = devices.all_names(device.name);
        describe(device, survey.around, devices);
        const auto path = devices.kernel_path(device.name);
        const auto content = path.ok() ? probe(*path) : Result<BlockContent>{Error{path.error()}};
        if (content.ok()) {
            device.type = content->type;
            device.label = content->label;
            device.uuid = content->uuid;
            const bool has_partitions = i + 1 < all.size() && all[i].kind != rpc::BlockKind::partition &&
                                        all[i + 1].kind == rpc::BlockKind::partition && device.type != "iso9660";
            if (!has_partitions && !why_not_mountable(*content) && survey.opened.size() < kMostFilesystems) {
                if (auto opened = open_filesystem(mounts, device)) {
                    survey.opened.push_back(std::move(*opened));
                }
            }
        }
        survey.around.devices.push_back(std::move(device));
    }
}

std::optional<rpc::OperatingSystem> recognise(const Candidate& candidate, const Surroundings& around)
{
    const auto& type = candidate.type;
    if (type == "iso9660" || type == "udf") {
        return installation_disc(candidate);
    }
    if (type.starts_with("ntfs") || type == "vfat") {
        return windows_system(candidate, around);
    }
    if (type == "ufs") {
        return bsd_system(candidate, around);
    }
    return linux_system(candidate, around);
}

void look(const Opened& opened, const Surroundings& around, std::vector<rpc::OperatingSystem>& systems)
{
    for (const auto& candidate : opened.candidates) {
        auto system = recognise(candidate, around);
        const bool known =
            system && std::ranges::any_of(systems, [&](const auto& other) { return other.root == system->root; });
        if (system && !known && systems.size() < kMostSystems) {
            systems.push_back(std::move(*system));
        }
    }
}

} // namespace

std::vector<rpc::OperatingSystem> find_systems(Devices& devices, Mounts& mounts, const std::stop_token& stop)
{
    Survey all;
    survey(all, devices, mounts, stop);
    all.around.tree_of = [&](const std::string& device) -> const GuestTree* {
        const auto found = std::ranges::find(all.opened, device, &Opened::device);
        return found == all.opened.end() || found->candidates.empty() ? nullptr : &found->candidates.front().tree;
    };
    std::vector<rpc::OperatingSystem> systems;
    for (const auto& opened : all.opened) {
        if (stop.stop_requested()) {
            break;
        }
        look(opened, all.around, systems);
        const auto device = std::ranges::find(all.around.devices, opened.device, &KnownDevice::name);
        if (device != all.around.devices.end() && device->type == "btrfs") {
            if (const auto subvolumes = open_subvolumes(mounts, *device)) {
                look(*subvolumes, all.around, systems);
            }
        }
    }
    return systems;
}

} // namespace gm::daemon
