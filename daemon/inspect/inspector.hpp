// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Finds the operating systems on the drives: mounts every file system out of sight, looks at the files in it, and
// unmounts. Blocks; one thread at a time.
#pragma once

#include "core/rpc/types.hpp"
#include "daemon/devices.hpp"
#include "daemon/mounts.hpp"

#include <stop_token>
#include <vector>

namespace gm::daemon {

constexpr std::size_t kMostSystems = 64;
constexpr std::size_t kMostFilesystems = 256; // that are looked at

std::vector<rpc::OperatingSystem> find_systems(Devices& devices, Mounts& mounts, const std::stop_token& stop);

} // namespace gm::daemon
