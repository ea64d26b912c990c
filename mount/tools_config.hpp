// SPDX-License-Identifier: GPL-2.0-or-later
//
// libguestfs-tools.conf, of which one key concerns us: whether mounts are read-only unless told otherwise. Any thread.
#pragma once

#include "mount/options.hpp"

#include <string>
#include <vector>

namespace gm::mount {

// The files in the order in which they are read; a later one overrides.
std::vector<std::string> tools_config_files(const Environment& environment);

// The value of read_only in the text of such a file.
std::optional<bool> read_only_setting(std::string_view text);

// As the files say; false when none says anything.
bool read_only_by_default(const Environment& environment);

} // namespace gm::mount
