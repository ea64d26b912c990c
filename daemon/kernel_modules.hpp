// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Loads kernel modules from a list that is already in load order, so that neither modprobe nor its index is needed.
// Any thread with CAP_SYS_MODULE.
#pragma once

#include "core/base/error.hpp"

#include <string>

namespace gm::daemon {

enum class AfterLoading { keep_file, remove_file }; // remove: an initramfs is memory

// Loads each file named in the list, one a line. A module that is loaded already is fine; one that fails is logged and
// left out, since the kernel may do without. An error only when the list cannot be read.
Result<void> load_modules(const std::string& list_path, AfterLoading after);

} // namespace gm::daemon
