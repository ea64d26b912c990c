// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The kernel's device mapper, asked without a tool. Any thread.
#pragma once

#include "core/base/error.hpp"

#include <string>

namespace gm::daemon {

// EBUSY while something uses it.
Result<void> remove_mapping(const std::string& name);

} // namespace gm::daemon
