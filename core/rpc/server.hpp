// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The daemon's end of the channel: reads calls, runs them on a bounded set of threads, answers. The threads take turns
// at reading, so a call is run by the thread that read it and nothing is queued: when all are busy, the channel itself
// holds back the host. A call that takes longer than two seconds reports that it is alive.
#pragma once

#include "core/base/clock.hpp"
#include "core/base/guarded.hpp"
#include "core/rpc/call_context.hpp"
#include "core/rpc/frame.hpp"
#include "core/rpc/procedures.hpp"

#include <atomic>
#include <concepts>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <stop_token>

namespace gm::rpc {

// A handler set serves P when it has `Result<P::Reply> on(P, const P::Args&, CallContext&)`. Called from several
// threads.
template <typename Handlers, typename P>
concept Serves = requires(Handlers& handlers, const typename P::Args& args, CallContext& context)
{
    {
        handlers.on(P{}, args, context)
        } -> std::same_as<Result<typename P::Reply>>;
};

// What of the server does not depend on the handlers.
class ServerCore {
public:
    using Send = std::function<Result<void>(const Encoder& reply)>;
    // Runs one call: answers it through `send`, or returns the error to answer with. Called from several threads.
    using Dispatch = std::function<Result<void>(Frame& call, CallContext& context, const Send& send)>;

    ServerCore(int read_fd, int write_fd, Dispatch dispatch);

    // Serves on `threads` threads until the host closes the channel (success) or breaks the protocol (the error).
    // `on_thread_start` runs first on each of them. Blocks.
    Result<void> run(unsigned threads, const std::function<void()>& on_thread_start);

private:
    struct Running {
        std::stop_source stop;
        ProcId procedure{};
        SteadyTime since;
    };

    // Reads a frame, lets the next thread read, runs it. False at the end of the channel.
    bool take_turn();
    void run_call(Frame& frame);
    void watch_slow_calls(const std::stop_token& stop);

    FrameReader reader_; // under turn_
    FrameWriter writer_;
    Dispatch dispatch_;
    std::mutex turn_;                               // level: top; held while waiting for the next frame
    bool ended_ = false;                            // under turn_
    std::optional<Error> failure_;                  // under turn_
    Guarded<std::map<RequestId, Running>> running_; // level: below turn_
    std::mutex watch_mutex_;                        // level: leaf
    std::condition_variable_any watch_wakes_;
    std::atomic<bool> watch_sleeps_{false};
};

// Serves `handlers`, which must serve every procedure of the table: a forgotten one is a compile error that names it.
// Writers are answered with EROFS while `handlers.read_only()`.
template <typename Handlers>
class Server {
public:
    Server(int read_fd, int write_fd, Handlers& handlers)
        : core_(read_fd, write_fd, [&handlers](Frame& call, CallContext& context, const ServerCore::Send& send) {
              return dispatch(handlers, call, context, send);
          })
    {
        Procedures::for_each([]<typename P>(std::type_identity<P>) {
            static_assert(std::is_same_v<P, RunSequence> || Serves<Handlers, P>, "no handler for this procedure");
        });
    }

    Result<void> run(
        unsigned threads, const std::function<void()>& on_thread_start = [] {})
    {
        return core_.run(threads, on_thread_start);
    }

private:
    static Result<void> dispatch(Handlers& handlers, Frame& call, CallContext& context, const ServerCore::Send& send)
    {
        Result<void> outcome = make_error(ENOSYS, "no procedure has the number {}", call.header.procedure);
        Procedures::visit(ProcId{call.header.procedure}, [&]<typename P>(std::type_identity<P>) {
            if constexpr (std::is_same_v<P, RunSequence>) {
                outcome = run_sequence(handlers, call, context, send);
            } else {
                outcome = run_one<P>(handlers, call, context, send);
            }
        });
        return outcome;
    }

    static Result<void> run_sequence(Handlers& handlers, Frame& sequence, CallContext& context,
                                     const ServerCore::Send& send)
    {
        const auto args = GM_TRY(decode<RunSequence::Args>(sequence.body, std::move(sequence.bulk)));
        std::vector<std::byte> answers;
        for (auto rest = args.calls.bytes(); !rest.empty();) {
            const FrameView next = GM_TRY(take_frame(rest));
            const ProcId procedure{next.header.procedure};
            const RequestId request = next.header.request;
            Frame call{next.header, {next.body.begin(), next.body.end()}, Bulk::borrow(next.bulk)};
            const auto answer = [&](const Encoder& reply) -> Result<void> {
                if (answers.size() + kHeaderSize + reply.bytes().size() + reply.bulk().size() > kMaxBulk) {
                    return make_error(EMSGSIZE, "the replies to a sequence of calls are too long");
                }
                append_frame(answers, FrameKind::reply, procedure, request, reply.bytes(), reply.bulk());
                return {};
            };
            const auto outcome = Procedures::access_of(procedure) == Access::control
                                     ? make_error(EINVAL, "{}: not in a sequence", Procedures::name_of(procedure))
                                     : dispatch(handlers, call, context, answer);
            if (!outcome.ok()) {
                append_frame(answers, FrameKind::error, procedure, request, error_body(outcome.error()).bytes(), {});
            }
        }
        Encoder reply;
        reply.put(RunSequence::Reply{Bulk::borrow(answers)});
        return send(reply);
    }

    template <typename P>
    static Result<void> run_one(Handlers& handlers, Frame& call, CallContext& context, const ServerCore::Send& send)
    {
        if (P::access == Access::writes && handlers.read_only()) {
            return make_error(EROFS, "{}: the guest is mounted read-only", P::name);
        }
        const auto args = GM_TRY(decode<typename P::Args>(call.body, std::move(call.bulk)));
        const auto reply = GM_TRY(handlers.on(P{}, args, context));
        Encoder encoder;
        encoder.put(reply);
        return send(encoder);
    }

    ServerCore core_;
};

} // namespace gm::rpc
