// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The engine's end of the channel: any number of threads have calls in flight at once; replies come in any order and
// are matched by request id by the link's one receiving thread. Everything that arrives is checked; a reply that breaks
// the protocol ends the link. Once the link is dead, every call waiting and every later one fails at once with ENOTCONN
// and the reason. A link on which calls wait but nothing at all arrives for `silence_limit` is dead: the daemon reports
// progress for whatever takes long.
#pragma once

#include "core/base/clock.hpp"
#include "core/base/unique_fd.hpp"
#include "core/rpc/call_sequence.hpp"
#include "core/rpc/procedures.hpp"

#include <functional>
#include <memory>
#include <stop_token>

namespace gm::rpc {

struct LinkOptions {
    Millis silence_limit{30'000};
    // Called once, on the receiving thread, when the link dies other than by its destructor. Must not call the link.
    std::function<void(const Error&)> on_dead;
};

struct CallOptions {
    Millis limit{15 * 60'000};                                     // ETIMEDOUT afterwards, whatever the progress
    std::stop_token stop;                                          // asks the daemon to give up: ECANCELED
    std::function<void(std::uint64_t, std::uint64_t)> on_progress; // (position, total), on the receiving thread
};

class Link {
public:
    // What a call brings: the raw reply, decoded by the templates below.
    struct RawReply {
        std::vector<std::byte> body;
        Bulk bulk;
    };
    // Called exactly once, on the receiving thread or inside begin(). Must not block.
    using RawDone = std::function<void(Result<RawReply>)>;

    Link(UniqueFd socket, LinkOptions options);
    Link(const Link&) = delete;
    Link& operator=(const Link&) = delete;
    ~Link(); // fails what still waits with ENOTCONN; joins the receiving thread

    // Calls and waits. Blocks until the reply, the limit, or the link's death.
    template <typename P>
    Result<typename P::Reply> call(const typename P::Args& args, const CallOptions& options = {})
    {
        Encoder encoder;
        encoder.put(args);
        RawReply raw = GM_TRY(call_raw(P::id, encoder, options));
        return decoded<P>(std::move(raw));
    }

    // Runs a sequence of calls and hands each its answer, on this thread. Blocks as above; the sequence is empty then.
    void call(CallSequence& sequence, const CallOptions& options = {});

    // Calls and returns; `done` gets the reply on the receiving thread (or the error here) and must not block.
    template <typename P>
    void begin(const typename P::Args& args, std::function<void(Result<typename P::Reply>)> done)
    {
        Encoder encoder;
        encoder.put(args);
        begin_raw(P::id, encoder, [this, done = std::move(done)](Result<RawReply> raw) {
            if (!raw.ok()) {
                done(raw.take_error());
            } else {
                done(decoded<P>(raw.take_value()));
            }
        });
    }

    [[nodiscard]] bool alive() const;
    // Number of calls begun so far: what caching is measured by.
    [[nodiscard]] std::uint64_t calls_begun() const;

    // Ends the link with this reason, as if the other side had broken it.
    void fail(Error reason);

private:
    class State; // pending calls, receiving thread

    template <typename P>
    Result<typename P::Reply> decoded(RawReply raw)
    {
        auto reply = decode<typename P::Reply>(raw.body, std::move(raw.bulk));
        if (!reply.ok()) { // the daemon was built from this table (Hello): it does not do that by accident
            fail(make_error(EPROTO, "the appliance sent a malformed reply to {}", P::name));
        }
        return reply;
    }

    Result<RawReply> call_raw(ProcId procedure, const Encoder& message, const CallOptions& options);
    void begin_raw(ProcId procedure, const Encoder& message, RawDone done);

    std::unique_ptr<State> state_;
};

} // namespace gm::rpc
