// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/rpc/link.hpp"

#include "core/base/guarded.hpp"
#include "core/base/log.hpp"
#include "core/base/syscall.hpp"
#include "core/rpc/frame.hpp"

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <poll.h>
#include <sys/socket.h>
#include <thread>
#include <unordered_map>

namespace gm::rpc {

class Link::State {
public:
    struct Pending {
        ProcId procedure{};
        RawDone done;
        std::function<void(std::uint64_t, std::uint64_t)> on_progress;
    };

    State(UniqueFd socket, LinkOptions options)
        : socket_(std::move(socket)), options_(std::move(options)), reader_(socket_.get()), writer_(socket_.get())
    {
        // A guest that stops reading, or stops in the middle of a frame, must not block us for ever.
        const timeval limit{.tv_sec = std::max<time_t>(options_.silence_limit.count() / 1000, 1), .tv_usec = 0};
        ::setsockopt(socket_.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
        ::setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
        receiver_ = std::jthread([this] { receive_loop(); });
    }

    ~State()
    {
        closing_ = true;
        ::shutdown(socket_.get(), SHUT_RDWR); // wakes the receiving thread
        receiver_.join();
        die(make_error(ENOTCONN, "the session has ended"));
    }

    // Nothing when the link is dead: then `done` has been called.
    std::optional<RequestId> begin(ProcId procedure, const Encoder& message, Pending pending)
    {
        const RequestId id{++last_id_};
        std::optional<Error> dead = table_.with([&](Table& table) {
            if (!table.dead) {
                table.pending.emplace(id, std::move(pending));
                last_heard_ = std::max(last_heard_.load(), table.pending.size() == 1 ? now_ms() : 0);
            }
            return table.dead;
        });
        if (dead) {
            pending.done(std::move(*dead));
            return std::nullopt;
        }
        auto sent = writer_.send(FrameKind::call, procedure, id, message.bytes(), message.bulk());
        if (!sent.ok()) {
            if (sent.error().errno_value == EMSGSIZE) { // our caller's fault; nothing was sent
                complete(id, sent.take_error());
            } else {
                die(make_error(ENOTCONN, "the appliance is gone ({})", sent.error().text));
            }
        }
        return id;
    }

    void cancel(RequestId id, ProcId procedure)
    {
        const bool waiting = table_.with([&](Table& table) { return table.pending.contains(id); });
        if (waiting) {
            // A failure shows at the receiving thread as well.
            static_cast<void>(writer_.send(FrameKind::cancel, procedure, id, {}).ok());
        }
    }

    // Ends a call here; a reply that still comes is dropped.
    void abandon(RequestId id, Error reason)
    {
        auto pending = take(id, true);
        if (pending) {
            pending->done(std::move(reason));
        }
    }

    void die(Error reason)
    {
        auto orphans = table_.with([&](Table& table) {
            if (!table.dead) {
                table.dead = make_error(ENOTCONN, "{}", reason.text);
            }
            return std::exchange(table.pending, {});
        });
        for (auto& [id, pending] : orphans) {
            pending.done(make_error(ENOTCONN, "{}", reason.text));
        }
    }

    [[nodiscard]] bool alive() const
    {
        return table_.with([](const Table& table) { return !table.dead; });
    }
    [[nodiscard]] std::uint64_t calls_begun() const { return last_id_; }

    void wake_receiver_to_die() { ::shutdown(socket_.get(), SHUT_RDWR); }

private:
    struct Table {
        std::unordered_map<RequestId, Pending> pending;
        std::unordered_map<RequestId, ProcId> abandoned; // calls we gave up, whose reply may still come
        std::optional<Error> dead;                       // under the same lock: a call begun after death fails at once
    };

    static std::int64_t now_ms()
    {
        return std::chrono::duration_cast<Millis>(std::chrono::steady_clock::now().time_since_epoch()).count();
    }

    std::optional<Pending> take(RequestId id, bool abandoned)
    {
        return table_.with([&](Table& table) -> std::optional<Pending> {
            const auto found = table.pending.find(id);
            if (found == table.pending.end()) {
                return std::nullopt;
            }
            Pending pending = std::move(found->second);
            table.pending.erase(found);
            if (abandoned) {
                table.abandoned.emplace(id, pending.procedure);
            }
            return pending;
        });
    }

    void complete(RequestId id, Result<RawReply> result)
    {
        auto pending = take(id, false);
        if (pending) {
            pending->done(std::move(result));
        }
    }

    void receive_loop()
    {
        Error reason = receive_until_dead();
        if (closing_) {
            return;
        }
        log_debug("link: {}", reason.text);
        die(reason);
        if (options_.on_dead) {
            options_.on_dead(reason);
        }
    }

    Error receive_until_dead()
    {
        while (true) {
            if (!reader_.has_buffered()) {
                const auto ready = wait_for(socket_.get(), POLLIN, Millis{1000});
                if (!ready.ok()) {
                    return ready.error();
                }
                if (!ready.value()) {
                    const bool waiting = table_.with([](const Table& table) { return !table.pending.empty(); });
                    if (waiting && now_ms() - last_heard_ > options_.silence_limit.count()) {
                        return make_error(ENOTCONN, "the appliance has not answered for {} s",
                                          options_.silence_limit.count() / 1000);
                    }
                    continue;
                }
            }
            auto next = reader_.next();
            if (!next.ok()) {
                return make_error(ENOTCONN, "the channel to the appliance broke ({})", next.error().text);
            }
            if (!next.value()) {
                return make_error(ENOTCONN, "the appliance is gone");
            }
            last_heard_ = now_ms();
            if (auto broken = handle(std::move(*next.value())); !broken.ok()) {
                return broken.take_error();
            }
        }
    }

    Result<void> handle(Frame frame)
    {
        const auto violation = [&](std::string_view what) {
            return make_error(EPROTO, "protocol violation by the appliance: {} (request {}, {})", what,
                              static_cast<std::uint64_t>(frame.header.request),
                              Procedures::name_of(ProcId{frame.header.procedure}));
        };
        if (frame.header.kind == FrameKind::progress) {
            return handle_progress(frame) ? Result<void>{} : violation("a malformed progress report");
        }
        if (frame.header.kind != FrameKind::reply && frame.header.kind != FrameKind::error) {
            return violation("a frame that only the host sends");
        }
        std::optional<ProcId> expected = table_.with([&](Table& table) -> std::optional<ProcId> {
            if (const auto found = table.pending.find(frame.header.request); found != table.pending.end()) {
                return found->second.procedure;
            }
            if (auto node = table.abandoned.extract(frame.header.request); !node.empty()) {
                return node.mapped();
            }
            return std::nullopt;
        });
        if (!expected || *expected != ProcId{frame.header.procedure}) {
            return violation("a reply to a call that was not made");
        }
        if (frame.header.kind == FrameKind::reply) {
            complete(frame.header.request, RawReply{std::move(frame.body), std::move(frame.bulk)});
            return {};
        }
        auto error = decode<ErrorBody>(frame.body, std::move(frame.bulk));
        if (!error.ok()) {
            return violation("a malformed error");
        }
        complete(frame.header.request, Error{static_cast<int>(error->errno_value), std::move(error->text)});
        return {};
    }

    bool handle_progress(Frame& frame)
    {
        auto progress = decode<ProgressBody>(frame.body, std::move(frame.bulk));
        if (!progress.ok()) {
            return false;
        }
        const auto report = table_.with([&](Table& table) {
            const auto found = table.pending.find(frame.header.request);
            return found == table.pending.end() ? nullptr : found->second.on_progress;
        });
        if (report && progress->total != 0) {
            report(progress->position, progress->total);
        }
        return true;
    }

    UniqueFd socket_;
    LinkOptions options_;
    FrameReader reader_; // receiving thread only
    FrameWriter writer_;
    std::atomic<std::uint64_t> last_id_{0};
    std::atomic<std::int64_t> last_heard_{0};
    std::atomic<bool> closing_{false};
    Guarded<Table> table_; // level: above the writer; never held while calling out
    std::jthread receiver_;
};

namespace {

// Where a blocking call waits. Shared with the completion, which may come after the caller gave up.
struct Waiter {
    std::mutex mutex; // level: leaf
    std::condition_variable_any changed;
    std::optional<Result<Link::RawReply>> result;

    void finish(Result<Link::RawReply> value)
    {
        const std::lock_guard lock(mutex);
        if (!result) {
            result.emplace(std::move(value));
            changed.notify_all();
        }
    }
};

} // namespace

Link::Link(UniqueFd socket, LinkOptions options)
    : state_(std::make_unique<State>(std::move(socket), std::move(options)))
{
}

Link::~Link() = default;

bool Link::alive() const
{
    return state_->alive();
}

std::uint64_t Link::calls_begun() const
{
    return state_->calls_begun();
}

void Link::fail(Error reason)
{
    state_->die(std::move(reason));
    state_->wake_receiver_to_die();
}

void Link::begin_raw(ProcId procedure, const Encoder& message, RawDone done)
{
    state_->begin(procedure, message, {procedure, std::move(done), {}});
}

Result<Link::RawReply> Link::call_raw(ProcId procedure, const Encoder& message, const CallOptions& options)
{
    constexpr Millis kCancelGrace{2000}; // how long a cancelled call may take to say so
    const auto waiter = std::make_shared<Waiter>();
    const auto id =
        state_->begin(procedure, message,
                      {procedure, [waiter](Result<RawReply> r) { waiter->finish(std::move(r)); }, options.on_progress});
    std::unique_lock lock(waiter->mutex);
    const auto arrived = [&] { return waiter->result.has_value(); };
    if (!waiter->changed.wait_until(lock, options.stop, Deadline{options.limit}.at(), arrived)) {
        const bool stopped = options.stop.stop_requested();
        lock.unlock();
        state_->cancel(*id, procedure);
        lock.lock();
        waiter->changed.wait_for(lock, kCancelGrace, arrived);
        if (!arrived()) {
            lock.unlock();
            state_->abandon(*id, stopped ? make_error(ECANCELED, "{}: cancelled", Procedures::name_of(procedure))
                                         : make_error(ETIMEDOUT, "{}: no answer from the appliance in time",
                                                      Procedures::name_of(procedure)));
            lock.lock();
            waiter->changed.wait(lock, arrived); // by abandon(), or by a reply that was just being handed over
        }
    }
    return std::move(*waiter->result);
}

void Link::call(CallSequence& sequence, const CallOptions& options)
{
    auto outcome = sequence.finish(call<RunSequence>({Bulk::borrow(sequence.bytes())}, options));
    if (!outcome.ok()) {
        fail(outcome.take_error());
    }
}

} // namespace gm::rpc
