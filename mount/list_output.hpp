// SPDX-License-Identifier: GPL-2.0-or-later
//
// What --list prints. Pure functions; what the disks say is made fit for a terminal and for JSON.
#pragma once

#include "core/rpc/types.hpp"

#include <string>
#include <vector>

namespace gm::mount {

struct DiskList {
    std::vector<rpc::BlockDevice> devices;
    std::vector<rpc::FilesystemInfo> contents;
    std::vector<rpc::OperatingSystem> systems;
    std::vector<std::string> warnings;
};

std::string list_as_table(const DiskList& list);

// {"devices": [{"name", "kind", "size", "sector_size", "type", "label", "uuid", "used",
// "subvolumes": [...]}], "operating_systems":
// [{"root", "family", "distribution", "product", "version", "hostname", "mounts": [{"device", "mountpoint",
// "options"}], "drive_letters": {"C": device}, "problems": [...]}], "warnings": [...]}; what is not known is left out.
std::string list_as_json(const DiskList& list);

// "12.0 MiB"
std::string size_text(std::uint64_t bytes);

} // namespace gm::mount
