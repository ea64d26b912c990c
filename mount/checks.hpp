// SPDX-License-Identifier: GPL-2.0-or-later
//
// What can be found wrong before a virtual machine is started. Any thread.
#pragma once

#include "mount/fuse_options.hpp"
#include "mount/options.hpp"

namespace gm::mount {

// The mountpoint as an absolute path without links; the error says what is wrong with it. May block on a dead mount.
Result<std::string> check_mountpoint(const std::string& path);
// fusermount3 and /dev/fuse are there, and may be used with these options.
Result<void> check_fuse(const FuseOptions& options);
// Every image can be read, and written unless it is added read-only.
Result<void> check_drives(const std::vector<Drive>& drives);
// The folder of the file is there and may be written to.
Result<void> check_pid_file(const std::string& path);

// A local path made absolute; a URI as it is. The process that serves the mount leaves this folder.
std::string absolute_source(const std::string& source);

} // namespace gm::mount
