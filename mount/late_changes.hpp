// SPDX-License-Identifier: GPL-2.0-or-later
//
// Changes that were answered before the guest has made them. They go in their order, in one message with the next call
// of anybody, or by themselves after a short while; whatever is called later is run by the guest after them. So nobody
// can tell, but for a failure: that is told by the change's own `done`. Owned by the Filesystem; any thread. The
// destructor sends what waits.
#pragma once

#include "core/base/guarded.hpp"
#include "core/rpc/link.hpp"

#include <condition_variable>
#include <mutex>
#include <thread>

namespace gm::mount {

class LateChanges {
public:
    explicit LateChanges(rpc::Link& link);
    LateChanges(const LateChanges&) = delete;
    LateChanges& operator=(const LateChanges&) = delete;
    ~LateChanges();

    // Adds a change behind those that wait, and returns. `done` is called once, on any thread; it may add, but must not
    // block or call.
    template <typename P>
    void add(const typename P::Args& args, std::function<void(Result<typename P::Reply>)> done)
    {
        const std::lock_guard lock(mutex_);
        waiting_.add<P>(args, std::move(done));
        note_added();
    }

    // A call that the guest runs behind everything that was added before. Blocks.
    template <typename P>
    Result<typename P::Reply> call(const typename P::Args& args)
    {
        if (none()) {
            return link_.call<P>(args);
        }
        std::unique_lock order(order_);
        auto sequence = take();
        if (sequence.empty()) { // somebody else's message had them
            order.unlock();
            return link_.call<P>(args);
        }
        std::optional<Result<typename P::Reply>> own;
        sequence.add<P>(args, [&](Result<typename P::Reply> reply) { own.emplace(std::move(reply)); });
        send(sequence);
        return std::move(*own);
    }

    // Everything that was added before is done when it returns. Blocks.
    void settle();

    // Nothing waits or is on its way. One load.
    [[nodiscard]] bool none() const { return !any_.load(); }
    // So much waits that whoever adds should settle() first.
    [[nodiscard]] bool full() const { return full_.load(); }

private:
    void note_added(); // under mutex_
    rpc::CallSequence take();
    void send(rpc::CallSequence& sequence); // under order_
    void send_in_time(const std::stop_token& stop);

    rpc::Link& link_;
    std::mutex order_; // level: below the inode table's stripes; held while a message with changes is on its way
    std::mutex mutex_; // level: leaf
    std::condition_variable_any added_;
    rpc::CallSequence waiting_;     // under mutex_
    std::atomic<bool> any_{false};  // written under mutex_
    std::atomic<bool> full_{false}; // written under mutex_
    std::jthread sender_;           // last: uses all of the above
};

} // namespace gm::mount
