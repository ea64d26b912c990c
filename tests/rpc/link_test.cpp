// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/base/syscall.hpp"
#include "core/rpc/link.hpp"
#include "core/rpc/server.hpp"

#include <doctest/doctest.h>
#include <future>
#include <latch>
#include <thread>

using namespace gm;
using namespace gm::rpc;

namespace {

// Answers what the tests ask; everything else is ENOSYS.
struct Handlers {
    std::atomic<bool> guest_read_only{false};
    std::latch release_sync{1};
    std::atomic<int> stopped{0};

    bool read_only() const { return guest_read_only; }

    template <typename P>
    Result<typename P::Reply> on(P, const typename P::Args& args, CallContext& context)
    {
        if constexpr (std::is_same_v<P, Lookup>) {
            return Lookup::Reply{
                .node = args.parent, .attr = {.ino = args.leaf.size(), .mode = S_IFREG}, .link_target = args.leaf};
        } else if constexpr (std::is_same_v<P, Read>) {
            Bulk bulk = Bulk::allocate(args.size);
            std::ranges::fill(bulk.writable(), std::byte(args.offset));
            return Read::Reply{std::move(bulk)};
        } else if constexpr (std::is_same_v<P, Write>) {
            const auto bytes = args.data.bytes();
            const bool same = std::ranges::all_of(bytes, [&](std::byte b) { return b == bytes.front(); });
            return Write::Reply{same ? static_cast<std::uint32_t>(bytes.size()) : 0};
        } else if constexpr (std::is_same_v<P, Sync>) {
            release_sync.wait();
            return Sync::Reply{};
        } else if constexpr (std::is_same_v<P, Trim>) { // runs until it is stopped
            std::promise<void> stop;
            const std::stop_callback on_stop{context.stop(), [&] { stop.set_value(); }};
            context.progress(1, 2);
            stop.get_future().wait();
            ++stopped;
            return make_error(ECANCELED, "trim: stopped");
        } else if constexpr (std::is_same_v<P, StatFs>) { // outlives the moment at which calls must show they live
            std::this_thread::sleep_for(std::chrono::milliseconds{4500});
            return StatFs::Reply{.files = 77};
        } else {
            return make_error(ENOSYS, "{} is not served", P::name);
        }
    }
};

struct Session {
    Handlers handlers;
    SocketPair sockets = *make_socket_pair();
    std::atomic<bool> served{false};
    Server<Handlers> server{sockets.first.get(), sockets.first.get(), handlers};
    std::jthread serving{[this] { served = server.run(4).ok(); }};
};

// What a hostile appliance sends: raw bytes of the test's choosing.
struct Hostile {
    SocketPair sockets = *make_socket_pair();
    FrameWriter writer{sockets.first.get()};
    FrameReader reader{sockets.first.get()};
};

} // namespace

TEST_CASE("calls from many threads each get their own reply")
{
    Session session;
    Link link{std::move(session.sockets.second), {}};
    std::atomic<int> wrong{0};
    {
        std::vector<std::jthread> threads;
        for (unsigned t = 0; t < 8; ++t) {
            threads.emplace_back([&, t] {
                for (unsigned i = 0; i < 200; ++i) {
                    const auto leaf = fmt::format("{}-{}", t, i);
                    const auto reply = link.call<Lookup>({NodeId{t}, leaf, false});
                    wrong += !reply.ok() || reply->link_target != leaf || reply->node != NodeId{t};
                }
            });
        }
    }
    CHECK(wrong == 0);
}

TEST_CASE("a slow call does not hold up a fast one")
{
    Session session;
    Link link{std::move(session.sockets.second), {}};
    auto slow = std::async(std::launch::async, [&] { return link.call<Sync>({}).ok(); });
    CHECK(link.call<Lookup>({NodeId::root, "a", false}).ok());
    session.handlers.release_sync.count_down();
    CHECK(slow.get());
}

TEST_CASE("bulk bytes of almost 4 MiB travel both ways unchanged, and one byte too many is refused on the sending side")
{
    Session session;
    Link link{std::move(session.sockets.second), {}};
    const auto read = link.call<Read>({HandleId{1}, 'q', kMaxBulk});
    REQUIRE(read.ok());
    CHECK(read->data.size() == kMaxBulk);
    CHECK(std::ranges::all_of(read->data.bytes(), [](std::byte b) { return b == std::byte{'q'}; }));

    const std::vector<std::byte> content(kMaxMessage, std::byte{'w'});
    const auto written = link.call<Write>({HandleId{1}, 0, Bulk::borrow(std::span{content}.first(kMaxBulk))});
    REQUIRE(written.ok());
    CHECK(written->written == kMaxBulk);

    CHECK(link.call<Write>({HandleId{1}, 0, Bulk::borrow(content)}).error().errno_value == EMSGSIZE);
    CHECK(link.call<Read>({HandleId{1}, 0, kMaxMessage}).error().errno_value == EMSGSIZE);
    CHECK(link.alive());
}

TEST_CASE("the daemon's errno and text arrive unchanged")
{
    Session session;
    Link link{std::move(session.sockets.second), {}};
    const auto reply = link.call<MakeDir>({});
    REQUIRE_FALSE(reply.ok());
    CHECK(reply.error() == Error{ENOSYS, "make_dir is not served"});
}

TEST_CASE("a writer on a read-only guest is answered with EROFS without reaching its handler")
{
    Session session;
    session.handlers.guest_read_only = true;
    Link link{std::move(session.sockets.second), {}};
    CHECK(link.call<Write>({}).error().errno_value == EROFS);
    CHECK(link.call<Lookup>({NodeId::root, "a", false}).ok());
}

TEST_CASE("a cancelled call stops in the daemon and reports progress until then")
{
    Session session;
    Link link{std::move(session.sockets.second), {}};
    std::stop_source stop;
    std::promise<std::pair<std::uint64_t, std::uint64_t>> progress;
    CallOptions options;
    options.stop = stop.get_token();
    options.on_progress = [&](std::uint64_t position, std::uint64_t total) { progress.set_value({position, total}); };
    auto call = std::async(std::launch::async, [&] { return link.call<Trim>({}, options); });
    CHECK(progress.get_future().get() == std::pair<std::uint64_t, std::uint64_t>{1, 2});
    stop.request_stop();
    CHECK(call.get().error() == Error{ECANCELED, "trim: stopped"});
    CHECK(session.handlers.stopped == 1);
}

TEST_CASE("a call past its limit ends with ETIMEDOUT and its late reply is not taken for another's")
{
    Session session;
    Link link{std::move(session.sockets.second), {}};
    CallOptions options;
    options.limit = Millis{50};
    CHECK(link.call<Sync>({}, options).error().errno_value == ETIMEDOUT);
    session.handlers.release_sync.count_down();
    CHECK(link.call<Lookup>({NodeId::root, "after", false})->link_target == "after");
}

TEST_CASE("a call that takes long keeps the link alive by progress reports")
{
    Session session;
    Link link{std::move(session.sockets.second), {.silence_limit = Millis{3000}}};
    const auto reply = link.call<StatFs>({});
    REQUIRE(reply.ok());
    CHECK(reply->files == 77);
}

TEST_CASE("a silent appliance is given up: the waiting call fails with ENOTCONN")
{
    Hostile appliance;
    std::promise<Error> died;
    Link link{std::move(appliance.sockets.second),
              {.silence_limit = Millis{1000}, .on_dead = [&](const Error& reason) { died.set_value(reason); }}};
    CHECK(link.call<Sync>({}).error().errno_value == ENOTCONN);
    CHECK(died.get_future().get().text == "the appliance has not answered for 1 s");
    CHECK_FALSE(link.alive());
}

TEST_CASE("an appliance that stops in the middle of a frame is given up")
{
    Hostile appliance;
    Link link{std::move(appliance.sockets.second), {.silence_limit = Millis{1000}}};
    auto waiting = std::async(std::launch::async, [&] { return link.call<Sync>({}); });
    const auto call = appliance.reader.next();
    REQUIRE(call.ok());
    Encoder header;
    header.put(FrameHeader{.magic = kFrameMagic,
                           .kind = FrameKind::reply,
                           .procedure = call.value()->header.procedure,
                           .request = call.value()->header.request,
                           .body_size = 100});
    REQUIRE(write_all(appliance.sockets.first.get(), header.bytes()).ok());
    CHECK(waiting.get().error().errno_value == ENOTCONN);
}

TEST_CASE("the end of the channel fails waiting calls and all later ones at once")
{
    auto appliance = std::make_unique<Hostile>();
    Link link{std::move(appliance->sockets.second), {}};
    auto waiting = std::async(std::launch::async, [&] { return link.call<Sync>({}); });
    REQUIRE(appliance->reader.next().ok());
    appliance.reset();
    CHECK(waiting.get().error().errno_value == ENOTCONN);
    CHECK(link.call<Sync>({}).error().errno_value == ENOTCONN);
}

TEST_CASE("a hostile appliance ends the session, whatever rule it breaks")
{
    Hostile appliance;
    Link link{std::move(appliance.sockets.second), {}};
    auto waiting = std::async(std::launch::async, [&] { return link.call<Lookup>({NodeId::root, "a", false}); });
    const auto call = appliance.reader.next();
    REQUIRE(call.ok());
    const FrameHeader& header = call.value()->header;
    const ProcId procedure{header.procedure};
    const std::byte junk[] = {std::byte{1}, std::byte{2}};

    SUBCASE("a malformed body")
    {
        REQUIRE(appliance.writer.send(FrameKind::reply, procedure, header.request, junk).ok());
    }
    SUBCASE("a malformed error")
    {
        REQUIRE(appliance.writer.send(FrameKind::error, procedure, header.request, junk).ok());
    }
    SUBCASE("an unknown request")
    {
        REQUIRE(appliance.writer.send(FrameKind::reply, procedure, RequestId{999}, junk).ok());
    }
    SUBCASE("another procedure")
    {
        REQUIRE(appliance.writer.send(FrameKind::reply, Sync::id, header.request, {}).ok());
    }
    SUBCASE("a call to the host")
    {
        REQUIRE(appliance.writer.send(FrameKind::call, procedure, header.request, {}).ok());
    }
    SUBCASE("malformed progress")
    {
        REQUIRE(appliance.writer.send(FrameKind::progress, procedure, header.request, junk).ok());
    }
    SUBCASE("bulk where none belongs")
    {
        REQUIRE(appliance.writer.send(FrameKind::reply, procedure, header.request, {}, junk).ok());
    }
    SUBCASE("no frame at all")
    {
        REQUIRE(write_all(appliance.sockets.first.get(), std::vector<std::byte>(64)).ok());
    }

    const auto outcome = waiting.get();
    REQUIRE_FALSE(outcome.ok());
    CHECK((outcome.error().errno_value == ENOTCONN || outcome.error().errno_value == EPROTO));
    CHECK(link.call<Lookup>({NodeId::root, "a", false}).error().errno_value == ENOTCONN);
}

TEST_CASE("the server ends when the host does, and refuses a host that breaks the protocol")
{
    Session session;
    SUBCASE("an orderly end")
    {
        session.sockets.second.reset();
        session.serving.join();
        CHECK(session.served);
    }
    SUBCASE("garbage")
    {
        REQUIRE(write_all(session.sockets.second.get(), std::vector<std::byte>(64)).ok());
        session.serving.join();
        CHECK_FALSE(session.served);
    }
}
