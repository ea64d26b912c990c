// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/devices.hpp"

#include "core/base/log.hpp"
#include "core/base/syscall.hpp"
#include "daemon/sysfs.hpp"

#include <algorithm>
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

namespace gm::daemon {
namespace {

constexpr std::uint32_t kMostDrives = 4096;
constexpr Millis kLookAgain{20};        // should an announcement get lost
constexpr Millis kAnnouncedWithin{500}; // a disk that was seen is announced by then, or the announcement was lost

std::string block_folder(const std::string& name)
{
    return "/sys/block/" + name;
}

// By what the host marks a drive: the serial of a SCSI disk is page 0x80 of its vital product data.
std::string serial_of(const std::string& disk)
{
    for (const char* file : {"/device/vpd_pg80", "/serial", "/device/wwid"}) {
        auto text = sysfs_text(block_folder(disk) + file);
        if (text && !text->empty()) {
            return *text;
        }
    }
    return {};
}

// Some disks that are plugged together answer the first question about their size with "the bus has changed" only.
void ask_size_again(const std::string& disk)
{
    auto fd = open_file(block_folder(disk) + "/device/rescan", O_WRONLY);
    if (fd.ok()) {
        static_cast<void>(write_all(fd->get(), std::as_bytes(std::span{"1", 1})).ok());
    }
}

// Has the kernel read the partition table now. Fails harmlessly while a partition is in use: then it has been read.
void read_partitions(const std::string& disk)
{
    auto fd = open_file("/dev/" + disk, O_RDONLY);
    if (fd.ok()) {
        ::ioctl(fd->get(), BLKRRPART);
    }
}

rpc::BlockDevice describe(const std::string& folder, std::string user_name, rpc::BlockKind kind,
                          const std::string& queue)
{
    return {.name = std::move(user_name),
            .kind = kind,
            .size = sysfs_number(folder + "/size").value_or(0) * kSysfsSector,
            .sector_size =
                static_cast<std::uint32_t>(sysfs_number(queue + "/logical_block_size").value_or(kSysfsSector)),
            .read_only = sysfs_number(folder + "/ro").value_or(0) != 0};
}

constexpr std::size_t kGroupUuid = 4 + 32;                  // "LVM-", group
constexpr std::size_t kVisibleVolumeUuid = kGroupUuid + 32; // and volume; some hidden ones have a suffix

// Whether it is only a piece of another volume of its group, such as a leg of a mirror.
bool is_piece_of_volume(const std::string& folder, std::string_view uuid)
{
    const auto holders = sysfs_names(folder + "/holders");
    return std::ranges::any_of(holders, [&](const std::string& holder) {
        return sysfs_text(folder + "/holders/" + holder + "/dm/uuid")
            .value_or("")
            .starts_with(uuid.substr(0, kGroupUuid));
    });
}

} // namespace

Devices::Devices(std::vector<std::string> fixed) : fixed_(!fixed.empty())
{
    state_.with([&](State& state) {
        if (fixed_) {
            state.drives = std::move(fixed);
            return;
        }
        auto listener = UeventListener::open();
        if (listener.ok()) {
            state.listener.emplace(listener.take_value());
        } else {
            log_debug("{}", listener.error().text);
        }
        // These may be announced already, or half read: they are asked to read their partitions once more.
        for (auto& name : sysfs_names("/sys/block")) {
            state.seen.emplace(name, SteadyTime{});
        }
    });
}

void Devices::hear(State& state)
{
    while (state.listener) {
        auto event = state.listener->next();
        if (!event.ok()) {
            continue; // lost some: kAnnouncedWithin makes up for it
        }
        if (!*event) {
            return;
        }
        if ((*event)->devtype == "disk" && (*event)->action == "add") {
            state.complete.insert((*event)->name);
        } else if ((*event)->devtype == "disk" && (*event)->action == "remove") {
            state.complete.erase((*event)->name);
            state.serials.erase((*event)->name);
            state.seen.erase((*event)->name);
        }
    }
}

void Devices::scan(State& state)
{
    if (fixed_) {
        return;
    }
    hear(state);
    const auto now = std::chrono::steady_clock::now();
    for (auto& name : sysfs_names("/sys/block")) {
        if (!name.starts_with("sd") && !name.starts_with("vd")) {
            continue; // none of the host's
        }
        state.seen.emplace(name, now);
        auto& serial = state.serials[name];
        if (serial.empty()) {
            serial = serial_of(name);
        }
        const auto number = drive_of_serial(serial);
        if (number && *number < kMostDrives) {
            state.drives.resize(std::max<std::size_t>(state.drives.size(), *number + 1));
            state.drives[*number] = name;
        }
    }
}

bool Devices::is_complete(State& state, const std::string& disk)
{
    if (fixed_ || state.complete.contains(disk)) {
        return true;
    }
    if (std::chrono::steady_clock::now() - state.seen[disk] < kAnnouncedWithin) {
        return false;
    }
    read_partitions(disk);
    state.complete.insert(disk);
    return true;
}

Result<void> Devices::wait_for_drives(std::uint32_t count, const Deadline& deadline, const std::stop_token& stop)
{
    std::map<std::string, int> asked_again;
    constexpr int kMostQuestions = 5; // a drive of size 0 is accepted after that
    while (true) {
        std::uint32_t missing = 0;
        Millis pause = kLookAgain;
        state_.with([&](State& state) {
            scan(state);
            for (; missing < count; ++missing) {
                if (missing >= state.drives.size() || state.drives[missing].empty()) {
                    break;
                }
                const std::string& disk = state.drives[missing];
                if (!is_complete(state, disk)) {
                    break;
                }
                if (sysfs_number(block_folder(disk) + "/size").value_or(0) == 0 &&
                    asked_again[disk]++ < kMostQuestions) {
                    ask_size_again(disk);
                    state.complete.erase(disk);
                    state.seen[disk] = SteadyTime{}; // its partitions have to be read as well
                    pause = Millis{1};
                    break;
                }
            }
        });
        if (missing >= count) {
            return {};
        }
        if (stop.stop_requested()) {
            return make_error(ECANCELED, "wait for the drives: given up");
        }
        if (deadline.passed()) {
            return make_error(ETIMEDOUT, "drive {} of {} did not appear in time", to_text({.drive = missing}), count);
        }
        state_.with([&](State& state) {
            if (state.listener) {
                state.listener->wait(std::min(pause, deadline.left()));
            }
        });
    }
}

std::vector<std::string> Devices::drives()
{
    return state_.with([&](State& state) {
        scan(state);
        return state.drives;
    });
}

std::vector<rpc::BlockDevice> Devices::list()
{
    std::vector<rpc::BlockDevice> devices;
    // Partition folders of a disk, by number.
    const auto partitions_of = [](const std::string& folder) {
        std::map<std::uint64_t, std::string> partitions;
        for (auto& name : sysfs_names(folder)) {
            if (const auto number = sysfs_number(folder + "/" + name + "/partition")) {
                partitions.emplace(*number, name);
            }
        }
        return partitions;
    };
    const auto all = drives();
    for (std::uint32_t drive = 0; drive < all.size(); ++drive) {
        if (all[drive].empty()) {
            continue;
        }
        const std::string folder = block_folder(all[drive]);
        devices.push_back(describe(folder, to_text({.drive = drive}), rpc::BlockKind::disk, folder + "/queue"));
        for (const auto& [number, partition] : partitions_of(folder)) {
            devices.push_back(describe(folder + "/" + partition,
                                       to_text({.drive = drive, .partition = static_cast<std::uint32_t>(number)}),
                                       rpc::BlockKind::partition, folder + "/queue"));
        }
    }
    if (fixed_) {
        return devices; // the rest is not the guest's
    }
    auto names = sysfs_names("/sys/block");
    std::ranges::sort(names);
    for (const auto& name : names) {
        const std::string folder = block_folder(name);
        if (name.starts_with("md") && !sysfs_text(folder + "/md/level").value_or("").empty()) {
            devices.push_back(describe(folder, "/dev/" + name, rpc::BlockKind::raid, folder + "/queue"));
            for (const auto& [number, partition] : partitions_of(folder)) {
                devices.push_back(describe(folder + "/" + partition, "/dev/" + partition, rpc::BlockKind::partition,
                                           folder + "/queue"));
            }
        } else if (name.starts_with("dm-")) {
            const std::string uuid = sysfs_text(folder + "/dm/uuid").value_or("");
            const std::string mapped = sysfs_text(folder + "/dm/name").value_or(name);
            if (uuid.starts_with("LVM-") && uuid.size() == kVisibleVolumeUuid && !is_piece_of_volume(folder, uuid)) {
                devices.push_back(
                    describe(folder, volume_path(mapped), rpc::BlockKind::logical_volume, folder + "/queue"));
            } else if (!uuid.starts_with("LVM-")) {
                const auto kind = uuid.starts_with("CRYPT-") ? rpc::BlockKind::crypt : rpc::BlockKind::other;
                devices.push_back(describe(folder, "/dev/mapper/" + mapped, kind, folder + "/queue"));
            }
        }
    }
    return devices;
}

} // namespace gm::daemon
