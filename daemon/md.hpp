// SPDX-License-Identifier: LGPL-2.1-or-later
//
// RAIDs of the kernel's md driver. They are numbered from /dev/md127 down, as everywhere without a configuration; the
// number or name that their own system knows them by leads there too. One thread at a time.
#pragma once

#include "core/base/error.hpp"
#include "daemon/stack_member.hpp"

#include <set>
#include <string>
#include <vector>

namespace gm::daemon {

class Raids {
public:
    // Starts every RAID among the members that was not tried before, also with members missing. With `read_only`
    // nothing is rebuilt; a journal can still be replayed into the overlay of the drives.
    void start(const std::vector<StackMember>& members, bool read_only);

    // What could not be started, a sentence each.
    [[nodiscard]] const std::vector<std::string>& problems() const { return problems_; }
    void forget();

private:
    std::set<std::string> tried_; // by UUID
    std::vector<std::string> problems_;
};

// "0" of the label "host:0"; empty when it is no fit name for a device.
std::string raid_name(std::string_view label);

// Other names that lead to the device: /dev/md0, /dev/md/root.
std::vector<std::string> raid_aliases(const std::string& kernel_name);

} // namespace gm::daemon
