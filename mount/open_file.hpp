// SPDX-License-Identifier: GPL-2.0-or-later
//
// A file that the daemon has open, or will have open once it is needed: opening for reading is put off until something
// must be read from the guest. Shared by the handle table and by the operations that use it; any thread.
#pragma once

#include "core/base/guarded.hpp"
#include "mount/inode_table.hpp"
#include "mount/returns.hpp"

namespace gm::mount {

class OpenFile {
public:
    OpenFile(InodePtr inode, bool writable, std::uint32_t flags, Returns& returns)
        : inode_(std::move(inode)), writable_(writable), flags_(flags), returns_(returns)
    {
    }
    OpenFile(const OpenFile&) = delete;
    OpenFile& operator=(const OpenFile&) = delete;
    ~OpenFile()
    {
        const auto handle = handle_.with([](rpc::HandleId h) { return h; });
        if (handle != rpc::HandleId::none) {
            returns_.handle(handle);
        }
    }

    [[nodiscard]] const InodePtr& inode() const { return inode_; }
    [[nodiscard]] bool writable() const { return writable_; }

    // The daemon's handle if there is one already.
    [[nodiscard]] std::optional<rpc::HandleId> handle_now() const
    {
        const auto handle = handle_.with([](const rpc::HandleId& h) { return h; });
        return handle != rpc::HandleId::none ? std::optional{handle} : std::nullopt;
    }
    void opened(rpc::HandleId handle)
    {
        handle_.with([&](rpc::HandleId& h) { h = handle; });
    }
    // The daemon's handle; opened by `open` (flags -> Result<HandleId>) when there is none yet. Blocks.
    template <typename Open>
    Result<rpc::HandleId> handle(Open&& open)
    {
        return handle_.with([&](rpc::HandleId& h) -> Result<rpc::HandleId> {
            if (h == rpc::HandleId::none) {
                h = GM_TRY(open(flags_));
            }
            return h;
        });
    }

private:
    const InodePtr inode_;
    const bool writable_;
    const std::uint32_t flags_;
    Returns& returns_;
    Guarded<rpc::HandleId> handle_; // level: top; held while the daemon opens the file
};
using OpenFilePtr = std::shared_ptr<OpenFile>;

} // namespace gm::mount
