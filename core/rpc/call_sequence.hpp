// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Calls that travel in one message and are run one after the other, each whatever became of the one before. For small
// calls: everything together, and all replies together, must fit into a message. A value of one thread.
#pragma once

#include "core/rpc/frame.hpp"
#include "core/rpc/procedures.hpp"

#include <functional>

namespace gm::rpc {

class CallSequence {
public:
    // `done` is called once, by Link::call() on its caller's thread, in the order of the calls; never if the sequence
    // is not called.
    template <typename P>
    void add(const typename P::Args& args, std::function<void(Result<typename P::Reply>)> done)
    {
        static_assert(P::access != Access::control, "about the session: goes alone");
        Encoder encoder;
        encoder.put(args);
        append_frame(calls_, FrameKind::call, P::id, RequestId{items_.size()}, encoder.bytes(), encoder.bulk());
        items_.push_back({P::id, [done = std::move(done)](Result<FrameView> answer) {
                              if (!answer.ok()) {
                                  done(answer.take_error());
                                  return true;
                              }
                              auto reply = decode<typename P::Reply>(answer->body, answer->copy_of_bulk());
                              const bool well_formed = reply.ok();
                              done(std::move(reply));
                              return well_formed;
                          }});
    }

    [[nodiscard]] bool empty() const { return items_.empty(); }
    [[nodiscard]] std::size_t size() const { return items_.size(); }
    [[nodiscard]] std::span<const std::byte> bytes() const { return calls_; }

    // Hands out the answers, or the error instead of each. EPROTO: the daemon broke the protocol; who got no answer by
    // then got that error.
    Result<void> finish(Result<RunSequence::Reply> reply);

private:
    struct Item {
        ProcId procedure{};
        std::function<bool(Result<FrameView>)> done; // false: malformed
    };

    std::vector<std::byte> calls_;
    std::vector<Item> items_;
};

} // namespace gm::rpc
