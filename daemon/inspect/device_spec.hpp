// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Which device a guest's configuration means: UUID=, LABEL=, PARTUUID=, PARTLABEL=, links below /dev/disk, and the
// names that devices have under other kernels, controllers and systems. Pure.
#pragma once

#include "daemon/drive_names.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gm::daemon {

// A device of the guest with everything that it can be told by.
struct KnownDevice {
    std::string name;               // as the user names it
    std::vector<std::string> names; // more names that lead there
    std::string type;               // of its content, as libblkid names it
    std::string label;
    std::string uuid;
    std::string part_label;
    std::string part_uuid;
    std::optional<DriveName> place; // of a drive and of its partitions

    bool operator==(const KnownDevice&) const = default;
};

// The name of the device. `mapped` tells what the names below /dev/mapper of this guest stand for.
struct MappedName {
    std::string name;
    std::string spec;
};
std::optional<std::string> resolve_spec(std::string_view spec, const std::vector<KnownDevice>& devices,
                                        const std::vector<MappedName>& mapped);

} // namespace gm::daemon
