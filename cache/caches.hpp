// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Everything of cache/ that one mount needs, in the order in which its parts depend on each other. Owned by the mount's
// file system; must go before the link and the drives.
#pragma once

#include "cache/attr_cache.hpp"
#include "cache/file_reader.hpp"
#include "cache/xattr_reader.hpp"

namespace gm::cache {

class Caches {
public:
    struct Options {
        std::size_t size = kDefaultCacheSize; // bytes
        image::BlockSource* drives = nullptr; // without them all file data comes through the guest
        bool small_files_ahead = true;        // see FileReader
    };
    // `forget` as NodeHold says.
    Caches(rpc::Link& link, const Options& options, ForgetNode forget);
    Caches(const Caches&) = delete;
    Caches& operator=(const Caches&) = delete;

    const std::shared_ptr<Changes> shared_changes = std::make_shared<Changes>(); // for a sync that outlives us
    Budget budget;
    Changes& changes = *shared_changes;
    Counters counters;
    AttrCache attrs;
    FolderCache pages;
    FolderReader folders;
    XattrReader xattrs;
    FileReader files;
};

} // namespace gm::cache
