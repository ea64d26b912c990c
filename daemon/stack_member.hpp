// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A device that is a building block of others, as libblkid recognises it.
#pragma once

#include "daemon/block_probe.hpp"

#include <string>

namespace gm::daemon {

struct StackMember {
    std::string name; // as the user names it
    std::string path; // as the kernel does
    BlockContent content;
};

} // namespace gm::daemon
