// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Handles of files that the mount itself did not open, for reading through the guest: those of a mount without open
// calls. The ones used last stay open. Only for mounts that change nothing: an open handle would keep the space of a
// removed file. Any thread; open() blocks.
#pragma once

#include "cache/key.hpp"
#include "core/base/guarded.hpp"
#include "core/rpc/link.hpp"

#include <list>
#include <unordered_map>

namespace gm::cache {

// Takes back a handle. Called on any thread, the link's receiving one included: must not block or call the link.
using ReturnHandle = std::function<void(rpc::HandleId)>;

class OpenFile {
public:
    OpenFile(rpc::HandleId handle, ReturnHandle give_back) : handle_(handle), give_back_(std::move(give_back)) {}
    OpenFile(const OpenFile&) = delete;
    OpenFile& operator=(const OpenFile&) = delete;
    ~OpenFile()
    {
        if (give_back_) {
            give_back_(handle_);
        }
    }

    [[nodiscard]] rpc::HandleId handle() const { return handle_; }

private:
    rpc::HandleId handle_;
    ReturnHandle give_back_; // none: the handle is the caller's
};
using OpenFilePtr = std::shared_ptr<const OpenFile>;

class OpenFiles {
public:
    static constexpr std::size_t kMaxOpen = 64;

    OpenFiles(rpc::Link& link, ReturnHandle give_back) : link_(link), give_back_(std::move(give_back)) {}

    Result<OpenFilePtr> open(const Key& file, const rpc::Target& target);

private:
    struct State {
        std::list<std::pair<Key, OpenFilePtr>> order; // used last first
        std::unordered_map<Key, std::list<std::pair<Key, OpenFilePtr>>::iterator, KeyHash> index;
    };

    rpc::Link& link_;
    const ReturnHandle give_back_;
    Guarded<State> state_; // level: leaf
};

} // namespace gm::cache
