// SPDX-License-Identifier: GPL-2.0-or-later
//
// SIGINT, SIGTERM and SIGHUP as a descriptor: readable once one of them came. They, and SIGUSR1, are blocked for the
// thread that makes this and for those that it starts. Made before any thread; watch() starts one.
#pragma once

#include "core/base/error.hpp"
#include "core/base/unique_fd.hpp"

#include <functional>
#include <memory>
#include <thread>

namespace gm::mount {

class SignalWatch {
public:
    static Result<SignalWatch> make();

    [[nodiscard]] int descriptor() const { return signals_.get(); }
    // Whether one of the signals came and nobody has handled it.
    [[nodiscard]] bool pending() const;
    // From now on calls `handle`, once, on a thread of its own, when one of the signals comes, and until then `on_usr1`
    // whenever SIGUSR1 does.
    void watch(
        std::function<void()> handle, std::function<void()> on_usr1 = [] {});
    void stop_watching();

private:
    SignalWatch(UniqueFd signals, UniqueFd usr1, UniqueFd end)
        : signals_(std::move(signals)), usr1_(std::move(usr1)), end_(std::move(end))
    {
    }

    UniqueFd signals_;
    UniqueFd usr1_;
    UniqueFd end_; // eventfd; wakes the thread to end
    struct Thread; // joins in its destructor
    std::shared_ptr<Thread> thread_;
};

} // namespace gm::mount
