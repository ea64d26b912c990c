// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Time as waits need it: a deadline is fixed once and handed down, so that nested waits cannot add up.
#pragma once

#include <algorithm>
#include <chrono>

namespace gm {

using Millis = std::chrono::milliseconds;
using SteadyTime = std::chrono::steady_clock::time_point;

class Deadline {
public:
    explicit Deadline(Millis from_now) : at_(std::chrono::steady_clock::now() + from_now) {}

    [[nodiscard]] SteadyTime at() const { return at_; }
    [[nodiscard]] bool passed() const { return std::chrono::steady_clock::now() >= at_; }
    // Never negative, rounded up, so that a wait for it does not spin.
    [[nodiscard]] Millis left() const
    {
        return std::max(std::chrono::ceil<Millis>(at_ - std::chrono::steady_clock::now()), Millis{0});
    }

private:
    SteadyTime at_;
};

} // namespace gm
