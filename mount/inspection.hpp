// SPDX-License-Identifier: GPL-2.0-or-later
//
// guestmount -i: mounts the operating system of the disks as it would itself. Blocks; any thread.
#pragma once

#include "core/rpc/link.hpp"
#include "mount/options.hpp"
#include "mount/unlocker.hpp"

namespace gm::mount {

// Every system on the disks, once what the keys open has been opened.
Result<std::vector<rpc::OperatingSystem>> find_systems(rpc::Link& link, std::stop_token stop);

// Mounts the system whose root is `root`, or the only one when that is empty. Asks for keys when something is missing.
// What of it cannot be mounted, but for its root, is a warning. The error lists what there is to choose from.
Result<std::vector<MountSpec>> mount_system(rpc::Link& link, const std::string& root, bool read_only,
                                            Unlocker& unlocker, std::stop_token stop);

// The system that is meant; otherwise an error that lists the ones that are there. Pure.
Result<const rpc::OperatingSystem*> choose_system(const std::vector<rpc::OperatingSystem>& systems,
                                                  const std::string& root);

} // namespace gm::mount
