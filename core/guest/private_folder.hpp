// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/base/temp_dir.hpp"

namespace gm {

// A folder for sockets that only this user can reach, below XDG_RUNTIME_DIR or what stands for it.
Result<TempDir> private_folder();

} // namespace gm
