// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Finds a truncated qcow2 image, which qemu opens without a word: what is missing reads as zeros there. Any thread.
#pragma once

#include "core/base/error.hpp"

#include <string>

namespace gm {

// EIO when its tables refer to what lies behind the end of the file. A few reads for an image that is whole; all
// tables when the reference counts raise a doubt. Not for an image that some qemu has open for writing: there the
// tables may be ahead of the data.
Result<void> check_qcow2_is_whole(int fd, const std::string& shown);

} // namespace gm
