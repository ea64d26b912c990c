// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Copies a file without its holes and zero pages. Blocks; any thread.
#pragma once

#include "core/base/error.hpp"

namespace gm::launch {

// `to` is empty; it gets the size of `from`.
Result<void> copy_sparse(int from, int to);

} // namespace gm::launch
