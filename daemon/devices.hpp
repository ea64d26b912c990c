// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The block devices of the guest and their names. The host marks its drives by serial number; the user's /dev/sda is
// drive 0 and so on, and everything that is told to the user is named that way. Any thread.
#pragma once

#include "core/base/clock.hpp"
#include "core/base/error.hpp"
#include "core/base/guarded.hpp"
#include "core/rpc/types.hpp"
#include "daemon/drive_names.hpp"
#include "daemon/uevents.hpp"

#include <map>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

namespace gm::daemon {

// A piece of a drive that another device shows as its own content, one to one.
struct DriveRange {
    std::uint32_t drive = 0;
    std::uint64_t start = 0;  // bytes
    std::uint64_t length = 0; // bytes

    bool operator==(const DriveRange&) const = default;
};

class Devices {
public:
    // `fixed`: kernel names of the drives in their order, where they have no serials; else empty.
    explicit Devices(std::vector<std::string> fixed);

    // Until the first `count` drives and their partitions are there. ETIMEDOUT names the first missing, ECANCELED.
    Result<void> wait_for_drives(std::uint32_t count, const Deadline& deadline, const std::stop_token& stop);

    // Drives with their partitions in order, then what is built on them.
    std::vector<rpc::BlockDevice> list();

    // The path of a device as the kernel knows it. ENOENT: "no device '/dev/sdc1'".
    Result<std::string> kernel_path(const std::string& user_name);

    // kernel_path(), but of an encrypted volume that is open the device with its content.
    Result<std::string> content_path(const std::string& user_name);

    // The device with the content of an encrypted volume, both as the kernel knows them; nothing while it is closed.
    static std::optional<std::string> opened_content(const std::string& path);

    // Everything that a device may be called, this name first.
    std::vector<std::string> all_names(const std::string& user_name);

    // "/dev/sda1" for the kernel's "vdb1", "/dev/GROUP/VOLUME" for "dm-0"; other names stay.
    std::string user_name(const std::string& kernel_name);

    // Kernel device names in a text by the user's, as whole words: what the kernel's log says, for the user.
    std::string in_user_names(std::string text);

    // Where the content of this device lies on a drive; nothing when it does not lie
    // there one to one.
    std::optional<DriveRange> drive_range(std::uint64_t device);

    // Kernel names of the drives that are there.
    std::vector<std::string> drives();

private:
    struct State {
        std::vector<std::string> drives;            // kernel name by number; empty where there is none yet
        std::map<std::string, std::string> serials; // by kernel name
        std::optional<UeventListener> listener;
        std::set<std::string> complete; // disks whose partitions are known to be there
        std::map<std::string, SteadyTime> seen;
    };

    void scan(State& state);
    void hear(State& state);
    bool is_complete(State& state, const std::string& disk);

    const bool fixed_;
    Guarded<State> state_; // level: middle; held over reads of /sys
};

} // namespace gm::daemon
