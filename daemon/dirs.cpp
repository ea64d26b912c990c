// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Listing folders.
#include "core/rpc/frame.hpp"
#include "daemon/dir_reader.hpp"
#include "daemon/handlers.hpp"

#include <algorithm>
#include <dirent.h>
#include <fcntl.h>

namespace gm::daemon {

Handlers::Answer<rpc::ReadDir> Handlers::on(rpc::ReadDir, const rpc::ReadDir::Args& args, rpc::CallContext&)
{
    const Place at = GM_TRY(place(args.folder));
    NodeRef folder = at.node;
    if (!at.is_node()) { // opened for listing at once: it becomes the node
        UniqueFd fd = GM_TRY(open_object(at, O_RDONLY | O_DIRECTORY));
        const struct statx status = GM_TRY(status_of(fd.get()));
        folder = std::make_shared<const Node>(std::move(fd), identity_of(status), true);
    }
    if (args.offset == 0 && folder->listable) {
        folders_ahead_.before_listing(folder->fd.get(), folder->identity.device);
    }
    const PageRequest request{.offset = args.offset,
                              .max_bytes = std::min<std::size_t>(args.max_bytes, rpc::kMaxBulk / 2),
                              .with_attrs = args.with_attrs};
    Page page = GM_TRY(read_page(*folder, request, filesystems_, mounts_));
    return rpc::ReadDir::Reply{
        .folder = nodes_.bind(std::move(folder)), .entries = std::move(page.entries), .end = page.end};
}

} // namespace gm::daemon
