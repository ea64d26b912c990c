// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A tree that may be the root of an operating system, and what is around it. Each family of systems has one function
// that looks at a tree and knows its own; nothing in a tree is ever run.
#pragma once

#include "core/rpc/types.hpp"
#include "daemon/block_probe.hpp"
#include "daemon/inspect/device_spec.hpp"
#include "daemon/inspect/guest_tree.hpp"

#include <functional>
#include <map>
#include <optional>

namespace gm::daemon {

struct Candidate {
    std::string device; // for MountFilesystem
    std::string type;   // of the file system
    GuestTree tree;
};

struct Surroundings {
    std::vector<KnownDevice> devices;
    std::map<std::uint32_t, PartitionTable> tables; // by drive
    // The tree of a device of the list, when it holds a file system that can be mounted.
    std::function<const GuestTree*(const std::string& device)> tree_of;
};

std::optional<rpc::OperatingSystem> linux_system(const Candidate& candidate, const Surroundings& around);
std::optional<rpc::OperatingSystem> bsd_system(const Candidate& candidate, const Surroundings& around);
std::optional<rpc::OperatingSystem> windows_system(const Candidate& candidate, const Surroundings& around);
std::optional<rpc::OperatingSystem> installation_disc(const Candidate& candidate);

// Adds what the tree's fstab mounts besides the root.
void add_fstab_mounts(rpc::OperatingSystem& system, const GuestTree& tree, const Surroundings& around);

} // namespace gm::daemon
