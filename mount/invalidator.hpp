// SPDX-License-Identifier: GPL-2.0-or-later
//
// Tells the kernel what it cannot know of changes made by its own requests. Owns the only thread that does so, because
// a notice must not be sent while the answer to a request is owed that the kernel waits for under the same locks. Owned
// by the session; any thread may ask.
#pragma once

#include "core/base/guarded.hpp"
#include "mount/fuse_api.hpp"
#include "mount/inode_table.hpp"

#include <atomic>
#include <condition_variable>
#include <deque>
#include <thread>
#include <unordered_set>

namespace gm::mount {

class Invalidator {
public:
    explicit Invalidator(fuse_session* session);
    Invalidator(const Invalidator&) = delete;
    Invalidator& operator=(const Invalidator&) = delete;
    ~Invalidator(); // what was asked for and not done is moot: the session is over

    // Soon; asking again before it is done costs nothing.
    void attributes_changed(InodeId inode);
    // Makes the kernel write back its pages of a file, and returns when they are written. Not for operations that the
    // kernel does under the lock of a page. False: too many threads wait for the same already.
    bool write_back(InodeId inode);

private:
    void loop(const std::stop_token& stop);

    fuse_session* session_;
    std::atomic<unsigned> writing_back_{0};
    std::mutex mutex_; // level: leaf; guards queue_ and queued_
    std::condition_variable_any wake_;
    std::deque<InodeId> queue_;
    std::unordered_set<InodeId> queued_;
    std::jthread thread_;
};

} // namespace gm::mount
