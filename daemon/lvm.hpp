// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Volume groups of LVM2. LVM sees the drives of the host and what is built on them, never the appliance's own
// (/etc/lvm/lvm.conf of the appliance). One thread at a time.
#pragma once

#include "core/base/error.hpp"
#include "daemon/stack_member.hpp"

#include <set>
#include <string>
#include <vector>

namespace gm::daemon {

class VolumeGroups {
public:
    // Activates all volumes of all groups, when there are physical volumes that were not there the last time. Copies of
    // a disk, which LVM cannot tell apart, are left alone.
    void activate(const std::vector<StackMember>& members);

    // What could not be activated, a sentence each.
    [[nodiscard]] const std::vector<std::string>& problems() const { return problems_; }
    void forget();

private:
    std::set<std::string> seen_; // devices
    std::vector<std::string> problems_;
};

// A line of `vgs`.
struct GroupLine {
    std::string uuid;
    std::string name;
    unsigned missing = 0; // physical volumes
    bool operator==(const GroupLine&) const = default;
};
// The columns vg_uuid, vg_missing_pv_count and vg_name, separated by spaces. Lines that are no such are left out.
std::vector<GroupLine> parse_groups(std::string_view report);

} // namespace gm::daemon
