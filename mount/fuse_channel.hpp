// SPDX-License-Identifier: GPL-2.0-or-later
//
// How libfuse reads requests and writes answers: as it would by itself, but for the answer to INIT, in which one thing
// is asked for that this version of the library does not know.
#pragma once

#include "mount/fuse_api.hpp"

namespace gm::mount {

fuse_custom_io fuse_channel();

} // namespace gm::mount
