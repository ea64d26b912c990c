// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A value that can be reached only under its mutex.
#pragma once

#include <mutex>
#include <utility>

namespace gm {

template <typename T>
class Guarded {
public:
    Guarded() = default;
    template <typename... Args>
    explicit Guarded(std::in_place_t, Args&&... args) : value_(std::forward<Args>(args)...)
    {
    }

    // Runs `use` on the value while holding the mutex. `use` must not block on anything that needs it.
    template <typename Use>
    decltype(auto) with(Use&& use)
    {
        const std::lock_guard lock(mutex_);
        return std::forward<Use>(use)(value_);
    }
    template <typename Use>
    decltype(auto) with(Use&& use) const
    {
        const std::lock_guard lock(mutex_);
        return std::forward<Use>(use)(value_);
    }

private:
    mutable std::mutex mutex_;
    T value_{};
};

} // namespace gm
