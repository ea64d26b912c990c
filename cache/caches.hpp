// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Everything of cache/ that one mount needs, in the order in which its parts depend on each other. Owned by the mount's
// file system; must go before the link and the drives.
#pragma once

#include "cache/file_reader.hpp"
#include "cache/xattr_reader.hpp"

namespace gm::cache {

class Caches {
public:
    // Without drives all file data comes through the guest. `forget` as NodeHold says.
    Caches(rpc::Link& link, std::size_t size, image::BlockSource* drives, ForgetNode forget);
    Caches(const Caches&) = delete;
    Caches& operator=(const Caches&) = delete;

    const std::shared_ptr<Changes> shared_changes = std::make_shared<Changes>(); // for a sync that outlives us
    Budget budget;
    Changes& changes = *shared_changes;
    Counters counters;
    FolderCache pages;
    FolderReader folders;
    XattrReader xattrs;
    FileReader files;
};

} // namespace gm::cache
