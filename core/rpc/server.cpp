// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/rpc/server.hpp"

#include "core/base/log.hpp"

#include <thread>
#include <vector>

namespace gm::rpc {
namespace {

constexpr Millis kSlowCall{2000}; // from then on a call reports that it is alive
constexpr Millis kReportEvery{1000};

} // namespace

ServerCore::ServerCore(int read_fd, int write_fd, Dispatch dispatch)
    : reader_(read_fd), writer_(write_fd), dispatch_(std::move(dispatch))
{
}

Result<void> ServerCore::run(unsigned threads, const std::function<void()>& on_thread_start)
{
    {
        const std::jthread watch([this](const std::stop_token& stop) { watch_slow_calls(stop); });
        std::vector<std::jthread> workers;
        for (unsigned i = 0; i < threads; ++i) {
            workers.emplace_back([&] {
                on_thread_start();
                while (take_turn()) {
                }
            });
        }
    } // joined
    if (failure_) {
        return *failure_;
    }
    return {};
}

bool ServerCore::take_turn()
{
    std::unique_lock turn(turn_);
    if (ended_) {
        return false;
    }
    auto next = reader_.next();
    if (!next.ok() || !next.value()) {
        ended_ = true;
        if (!next.ok()) {
            failure_ = next.take_error();
        }
        running_.with([](auto& running) { // nobody waits for these any more
            for (auto& [id, call] : running) {
                call.stop.request_stop();
            }
        });
        return false;
    }
    Frame frame = std::move(*next.value());
    if (frame.header.kind == FrameKind::cancel) {
        running_.with([&](auto& running) {
            if (const auto found = running.find(frame.header.request); found != running.end()) {
                found->second.stop.request_stop();
            }
        });
        return true;
    }
    if (frame.header.kind != FrameKind::call) {
        ended_ = true;
        failure_ = make_error(EPROTO, "the host sent a frame that only the daemon sends");
        return false;
    }
    turn.unlock();
    run_call(frame);
    return true;
}

void ServerCore::run_call(Frame& frame)
{
    const RequestId request = frame.header.request;
    const ProcId procedure{frame.header.procedure};
    std::stop_source stop;
    running_.with([&](auto& running) {
        running.emplace(request, Running{stop, procedure, std::chrono::steady_clock::now()});
    });
    if (watch_sleeps_.exchange(false)) {
        const std::lock_guard lock(watch_mutex_);
        watch_wakes_.notify_one();
    }
    CallContext context{stop.get_token(), [&](std::uint64_t position, std::uint64_t total) {
                            Encoder body;
                            body.put(ProgressBody{position, total});
                            // A broken channel shows at the reader.
                            static_cast<void>(writer_.send(FrameKind::progress, procedure, request, body.bytes()).ok());
                        }};
    auto outcome = dispatch_(frame, context, [&](const Encoder& reply) {
        running_.with([&](auto& running) { running.erase(request); }); // before the host can use the id again
        return writer_.send(FrameKind::reply, procedure, request, reply.bytes(), reply.bulk());
    });
    running_.with([&](auto& running) { running.erase(request); });
    if (!outcome.ok()) {
        const Encoder body = error_body(outcome.error());
        auto sent = writer_.send(FrameKind::error, procedure, request, body.bytes());
        if (!sent.ok()) {
            log_debug("answer to {}: {}", Procedures::name_of(procedure), sent.error().text);
        }
    }
}

void ServerCore::watch_slow_calls(const std::stop_token& stop)
{
    std::unique_lock lock(watch_mutex_);
    while (!stop.stop_requested()) {
        const bool idle = running_.with([](const auto& running) { return running.empty(); });
        if (idle) {
            watch_sleeps_ = true;
            // A call that began in between has seen the flag unset: look once more before sleeping.
            if (running_.with([](const auto& running) { return running.empty(); })) {
                watch_wakes_.wait(lock, stop, [this] { return !watch_sleeps_.load(); });
            }
            watch_sleeps_ = false;
            continue;
        }
        watch_wakes_.wait_for(lock, stop, kReportEvery, [] { return false; });
        std::vector<std::pair<RequestId, ProcId>> slow;
        running_.with([&](const auto& running) {
            for (const auto& [id, call] : running) {
                if (std::chrono::steady_clock::now() - call.since > kSlowCall) {
                    slow.emplace_back(id, call.procedure);
                }
            }
        });
        for (const auto& [id, procedure] : slow) {
            Encoder body;
            body.put(ProgressBody{});
            static_cast<void>(writer_.send(FrameKind::progress, procedure, id, body.bytes()).ok());
        }
    }
}

} // namespace gm::rpc
