// SPDX-License-Identifier: GPL-2.0-or-later
//
// Mounts file systems inside the guest as -m says. Blocks; any thread.
#pragma once

#include "core/rpc/link.hpp"
#include "mount/options.hpp"
#include "mount/unlocker.hpp"

namespace gm::mount {

// In their order, opening the encrypted volumes that they are on. The error of one that cannot be mounted lists what
// could be. Answers what was mounted.
Result<std::vector<MountSpec>> mount_in_guest(rpc::Link& link, const std::vector<MountSpec>& mounts, bool read_only,
                                              Unlocker& unlocker, std::stop_token stop);

// Every file system that opens, each in a folder of its own; what does not open is a warning.
Result<std::vector<MountSpec>> mount_all(rpc::Link& link, bool read_only, Unlocker& unlocker, std::stop_token stop);

// Tells that something was mounted read-only although it was to be writable.
void warn_of_note(const rpc::MountFilesystem::Reply& reply);

// For the end of an error: "; the disks have /dev/sda1 (ext4), ...".
std::string what_is_there(rpc::Link& link);

// "sda1" for /dev/sda1, "vg-lv" for /dev/vg/lv, "luks-UUID" for /dev/mapper/luks-UUID.
std::string folder_name(std::string_view device);

// Whether one of the mounted file systems takes names that differ in case only for the same.
bool ignores_case(rpc::Link& link, const std::vector<MountSpec>& mounts);

} // namespace gm::mount
