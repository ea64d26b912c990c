// SPDX-License-Identifier: GPL-2.0-or-later
//
// The list of the operations we support, and the only code that answers the kernel: each request exactly once.
#pragma once

#include "mount/filesystem.hpp"

namespace gm::mount {

// What libfuse hands back with each request. Owned by the session.
struct SessionContext {
    Filesystem& filesystem;
    bool write_back_cache = false;
    bool check_access = false;  // the kernel checks modes and ACLs for every caller
    bool init_answered = false; // the library's thread that answers INIT is the only one to look
};

// A read-only mount has none of the operations that change something: the kernel refuses those before it asks.
fuse_lowlevel_ops operations(bool read_only);

} // namespace gm::mount
