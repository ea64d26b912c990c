// SPDX-License-Identifier: LGPL-2.1-or-later
//
// One page of a folder, straight from getdents64(2) into what the host is sent. This is the hottest path of the daemon:
// one system call for many names, one statx(2) an entry, and that in the order of inode numbers, which is the order of
// the inodes on the disk for the usual file systems.
#pragma once

#include "core/base/error.hpp"
#include "core/rpc/procedures.hpp"
#include "daemon/attr.hpp"
#include "daemon/mounts.hpp"
#include "daemon/node_table.hpp"

namespace gm::daemon {

struct PageRequest {
    std::uint64_t offset = 0;
    std::size_t max_bytes = 0; // of the encoded reply
    bool with_attrs = false;
};

struct Page {
    std::vector<rpc::DirEntry> entries;
    bool end = false;
};

// Blocks others that list the same folder through the same node.
Result<Page> read_page(const Node& folder, const PageRequest& request, FilesystemNumbers& filesystems,
                       const Mounts& mounts);

} // namespace gm::daemon
