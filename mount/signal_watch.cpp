// SPDX-License-Identifier: GPL-2.0-or-later
#include "mount/signal_watch.hpp"

#include "core/base/syscall.hpp"

#include <csignal>
#include <cstdint>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>

namespace gm::mount {
namespace {

Result<UniqueFd> blocked_signals(std::initializer_list<int> numbers)
{
    sigset_t signals;
    ::sigemptyset(&signals);
    for (const int number : numbers) {
        ::sigaddset(&signals, number);
    }
    ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
    return UniqueFd(GM_TRY(sys([&] { return ::signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK); }, "signalfd")));
}

} // namespace

struct SignalWatch::Thread {
    int end;
    std::thread thread;

    Thread(int end_of_watch, std::thread watching) : end(end_of_watch), thread(std::move(watching)) {}
    Thread(const Thread&) = delete;
    Thread& operator=(const Thread&) = delete;
    ~Thread()
    {
        ::eventfd_write(end, 1);
        thread.join();
        eventfd_t count = 0;
        ::eventfd_read(end, &count);
    }
};

Result<SignalWatch> SignalWatch::make()
{
    UniqueFd signals = GM_TRY(blocked_signals({SIGINT, SIGTERM, SIGHUP}));
    UniqueFd usr1 = GM_TRY(blocked_signals({SIGUSR1}));
    UniqueFd end(GM_TRY(sys([] { return ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK); }, "eventfd")));
    return SignalWatch(std::move(signals), std::move(usr1), std::move(end));
}

bool SignalWatch::pending() const
{
    const auto ready = wait_for(signals_.get(), POLLIN, std::chrono::milliseconds{0});
    return ready.ok() && *ready;
}

void SignalWatch::watch(std::function<void()> handle, std::function<void()> on_usr1)
{
    thread_ = std::make_shared<Thread>(
        end_.get(), std::thread([signals = signals_.get(), usr1 = usr1_.get(), end = end_.get(),
                                 handle = std::move(handle), on_usr1 = std::move(on_usr1)] {
            pollfd all[3] = {{.fd = signals, .events = POLLIN, .revents = 0},
                             {.fd = end, .events = POLLIN, .revents = 0},
                             {.fd = usr1, .events = POLLIN, .revents = 0}};
            while (retry([&] { return ::poll(all, 3, -1); }) > 0 && (all[1].revents & POLLIN) == 0) {
                if ((all[0].revents & POLLIN) != 0) {
                    handle();
                    return;
                }
                signalfd_siginfo one{};
                if (::read(usr1, &one, sizeof one) == sizeof one) {
                    on_usr1();
                }
            }
        }));
}

void SignalWatch::stop_watching()
{
    thread_.reset();
}

} // namespace gm::mount
