// SPDX-License-Identifier: GPL-2.0-or-later
//
// SIGINT, SIGTERM and SIGHUP as a descriptor: readable once one of them came. They are blocked for the thread that
// makes this and for those that it starts. Made before any thread; watch() starts one.
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
    // From now on calls `handle`, once, on a thread of its own, when one of the signals comes.
    void watch(std::function<void()> handle);
    void stop_watching();

private:
    explicit SignalWatch(UniqueFd signals, UniqueFd end) : signals_(std::move(signals)), end_(std::move(end)) {}

    UniqueFd signals_;
    UniqueFd end_; // eventfd; wakes the thread to end
    struct Thread; // joins in its destructor
    std::shared_ptr<Thread> thread_;
};

} // namespace gm::mount
