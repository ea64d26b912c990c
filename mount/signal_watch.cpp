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
    sigset_t signals;
    ::sigemptyset(&signals);
    for (const int number : {SIGINT, SIGTERM, SIGHUP}) {
        ::sigaddset(&signals, number);
    }
    ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
    UniqueFd descriptor(GM_TRY(sys([&] { return ::signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK); }, "signalfd")));
    UniqueFd end(GM_TRY(sys([] { return ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK); }, "eventfd")));
    return SignalWatch(std::move(descriptor), std::move(end));
}

bool SignalWatch::pending() const
{
    const auto ready = wait_for(signals_.get(), POLLIN, std::chrono::milliseconds{0});
    return ready.ok() && *ready;
}

void SignalWatch::watch(std::function<void()> handle)
{
    thread_ = std::make_shared<Thread>(
        end_.get(), std::thread([signals = signals_.get(), end = end_.get(), handle = std::move(handle)] {
            pollfd both[2] = {{.fd = signals, .events = POLLIN, .revents = 0},
                              {.fd = end, .events = POLLIN, .revents = 0}};
            if (retry([&] { return ::poll(both, 2, -1); }) > 0 && (both[0].revents & POLLIN) != 0) {
                handle();
            }
        }));
}

void SignalWatch::stop_watching()
{
    thread_.reset();
}

} // namespace gm::mount
