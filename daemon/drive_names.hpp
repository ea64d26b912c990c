// SPDX-License-Identifier: LGPL-2.1-or-later
//
// How users name drives: the first is /dev/sda, the 27th /dev/sdaa, their partitions /dev/sda1 ..., whatever the
// guest's kernel calls them; and logical volumes. Pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace gm::daemon {

struct DriveName {
    std::uint32_t drive = 0;     // in the order they were added
    std::uint32_t partition = 0; // 0: the whole drive

    bool operator==(const DriveName&) const = default;
};

// "/dev/sdb3". The other usual names of disks, /dev/vdb3, /dev/xvdb3 and /dev/hdb3, mean the same. Nothing when it is not a drive.
std::optional<DriveName> parse_drive_name(std::string_view path);
std::string to_text(const DriveName& name);

// The name of a partition as the kernel makes it of the disk's: sda1, but loop0p1.
std::string kernel_partition_name(std::string_view disk, std::uint32_t partition);

// The number in the serial by which the host marks its drives ("gm-disk-7"), wherever in `text` it stands.
std::optional<std::uint32_t> drive_of_serial(std::string_view text);

// "/dev/vg/lv" of the device mapper's "vg-lv"; a '-' of a name itself is doubled there.
std::string volume_path(std::string_view mapped);

} // namespace gm::daemon
