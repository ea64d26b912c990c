// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/base/syscall.hpp"
#include "core/rpc/link.hpp"
#include "core/rpc/server.hpp"

#include <doctest/doctest.h>
#include <thread>

using namespace gm;
using namespace gm::rpc;

namespace {

// Keeps a log of what it is asked, in order.
struct Handlers {
    std::atomic<bool> guest_read_only{false};
    std::vector<std::string> log; // of one thread at a time

    bool read_only() const { return guest_read_only; }

    template <typename P>
    Result<typename P::Reply> on(P, const typename P::Args& args, CallContext&)
    {
        if constexpr (std::is_same_v<P, Lookup>) {
            log.push_back(args.leaf);
            if (args.leaf == "missing") {
                return make_error(ENOENT, "no such name");
            }
            return Lookup::Reply{.node = args.parent, .attr = {.ino = 7, .mode = S_IFREG}, .link_target = args.leaf};
        } else if constexpr (std::is_same_v<P, Write>) {
            const auto bytes = args.data.bytes();
            log.emplace_back(reinterpret_cast<const char*>(bytes.data()), bytes.size());
            return Write::Reply{static_cast<std::uint32_t>(bytes.size())};
        } else if constexpr (std::is_same_v<P, Read>) {
            return Read::Reply{Bulk::allocate(args.size)};
        } else {
            return make_error(ENOSYS, "{} is not served", P::name);
        }
    }
};

struct Session {
    Handlers handlers;
    SocketPair sockets = *make_socket_pair();
    Server<Handlers> server{sockets.first.get(), sockets.first.get(), handlers};
    std::jthread serving{[this] { static_cast<void>(server.run(4).ok()); }};
};

// One answer, whatever the link asks.
struct Liar {
    explicit Liar(std::vector<std::byte> answers)
        : serving([this, answers = std::move(answers)] {
              FrameReader reader{sockets.first.get()};
              FrameWriter writer{sockets.first.get()};
              const auto call = reader.next();
              Encoder body;
              body.put(RunSequence::Reply{Bulk::borrow(answers)});
              static_cast<void>(
                  writer.send(FrameKind::reply, RunSequence::id, (*call)->header.request, body.bytes(), body.bulk())
                      .ok());
          })
    {
    }
    SocketPair sockets = *make_socket_pair();
    std::jthread serving;
};

std::vector<std::byte> error_frames(ProcId procedure, std::initializer_list<unsigned> requests)
{
    std::vector<std::byte> frames;
    for (const unsigned request : requests) {
        append_frame(frames, FrameKind::error, procedure, RequestId{request},
                     error_body(make_error(EPERM, "no")).bytes(), {});
    }
    return frames;
}

} // namespace

TEST_CASE("calls of a sequence run in their order, and each gets its own answer")
{
    Session session;
    Link link{std::move(session.sockets.second), {}};
    CallSequence sequence;
    std::vector<std::string> answers;
    const auto looked_up = [&](const Result<Lookup::Reply>& reply) {
        answers.push_back(reply.ok() ? *reply->link_target : std::to_string(reply.error().errno_value));
    };
    sequence.add<Lookup>({NodeId::root, "first", false}, looked_up);
    sequence.add<Lookup>({NodeId::root, "missing", false}, looked_up);
    const std::string data = "bytes";
    sequence.add<Write>({HandleId{1}, 0, Bulk::borrow(std::as_bytes(std::span(data)))},
                        [&](const Result<Write::Reply>& reply) {
                            answers.push_back(reply.ok() ? std::to_string(reply->written) : "failed");
                        });
    sequence.add<Lookup>({NodeId::root, "last", false}, looked_up);
    CHECK(sequence.size() == 4);
    link.call(sequence);
    CHECK(sequence.empty());
    CHECK(session.handlers.log == std::vector<std::string>{"first", "missing", "bytes", "last"});
    CHECK(answers == std::vector<std::string>{"first", std::to_string(ENOENT), "5", "last"});
    CHECK(link.calls_begun() == 1);
}

TEST_CASE("a sequence writes nothing on a read-only guest, and its replies must fit into a message")
{
    Session session;
    session.handlers.guest_read_only = true;
    Link link{std::move(session.sockets.second), {}};
    CallSequence sequence;
    std::vector<int> errors;
    const auto note = [&](const auto& reply) { errors.push_back(reply.ok() ? 0 : reply.error().errno_value); };
    sequence.add<Write>({HandleId{1}, 0, {}}, note);
    sequence.add<Read>({HandleId{1}, 0, 3U << 20}, note);
    sequence.add<Read>({HandleId{1}, 0, 3U << 20}, note);
    sequence.add<Lookup>({NodeId::root, "name", false}, note);
    link.call(sequence);
    CHECK(errors == std::vector<int>{EROFS, 0, EMSGSIZE, 0});
}

TEST_CASE("a call about the session is refused within a sequence, and so is another sequence")
{
    Session session;
    Link link{std::move(session.sockets.second), {}};
    for (const ProcId procedure : {UnmountAll::id, RunSequence::id, ProcId{4711}}) {
        std::vector<std::byte> calls;
        append_frame(calls, FrameKind::call, procedure, RequestId{0}, {}, {});
        const auto reply = link.call<RunSequence>({Bulk::borrow(calls)});
        REQUIRE(reply.ok());
        auto rest = reply->answers.bytes();
        const auto answer = take_frame(rest);
        REQUIRE(answer.ok());
        CHECK(answer->header.kind == FrameKind::error);
        CHECK(decode<ErrorBody>(answer->body, {})->errno_value == EINVAL);
        CHECK(rest.empty());
    }
}

TEST_CASE("answers to a sequence that are too few, too many, or not its own end the link, and every call gets an error")
{
    auto cut = error_frames(Lookup::id, {0, 1});
    cut.pop_back();
    auto malformed = error_frames(Lookup::id, {0});
    append_frame(malformed, FrameKind::reply, Lookup::id, RequestId{1}, {}, {});
    for (auto& answers : {error_frames(Lookup::id, {0}), error_frames(Lookup::id, {0, 1, 2}),
                          error_frames(Lookup::id, {1, 0}), error_frames(GetAttr::id, {0, 1}), cut, malformed}) {
        Liar liar{answers};
        Link link{std::move(liar.sockets.second), {}};
        CallSequence sequence;
        int failed = 0;
        for (int i = 0; i < 2; ++i) {
            sequence.add<Lookup>({NodeId::root, "a", false}, [&](const auto& reply) { failed += reply.ok() ? 0 : 1; });
        }
        link.call(sequence);
        CHECK(failed == 2);
        CHECK_FALSE(link.alive());
    }
}

TEST_CASE("on a dead link every call of a sequence fails at once")
{
    Session session;
    Link link{std::move(session.sockets.second), {}};
    link.fail(make_error(EPROTO, "broken on purpose"));
    CallSequence sequence;
    std::vector<int> errors;
    for (int i = 0; i < 2; ++i) {
        sequence.add<Lookup>({NodeId::root, "a", false},
                             [&](const auto& reply) { errors.push_back(reply.ok() ? 0 : reply.error().errno_value); });
    }
    link.call(sequence);
    CHECK(errors == std::vector<int>{ENOTCONN, ENOTCONN});
}
