// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Fetches under way, by what they fetch: whoever needs the same thing joins the fetch instead of asking again. The
// table's destructor waits for the fetches that began, since their completions use their owner; each completes, at the
// latest when the link dies. Any thread.
#pragma once

#include "cache/changes.hpp"
#include "core/base/error.hpp"

#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <unordered_map>

namespace gm::cache {

template <typename T>
class Fetch {
public:
    explicit Fetch(Epoch begun) : begun_(begun) {}

    [[nodiscard]] Epoch begun() const { return begun_; } // epoch from before the call

    void finish(Result<T> result)
    {
        const std::lock_guard lock(mutex_);
        result_.emplace(std::move(result));
        done_.notify_all();
    }
    // A copy of the outcome. Blocks until it is there; ECANCELED when `stop` comes first.
    Result<T> wait(const std::stop_token& stop = {})
    {
        std::unique_lock lock(mutex_);
        if (!done_.wait(lock, stop, [&] { return result_.has_value(); })) {
            return make_error(ECANCELED, "interrupted");
        }
        return *result_;
    }

private:
    const Epoch begun_;
    std::mutex mutex_; // level: leaf
    std::condition_variable_any done_;
    std::optional<Result<T>> result_;
};

template <typename K, typename T, typename Hash = std::hash<K>>
class InFlight {
public:
    using FetchPtr = std::shared_ptr<Fetch<T>>;

    InFlight() = default;
    InFlight(const InFlight&) = delete;
    InFlight& operator=(const InFlight&) = delete;
    ~InFlight()
    {
        std::unique_lock lock(mutex_);
        quiet_.wait(lock, [&] { return running_ == 0; });
    }

    struct Joined {
        FetchPtr fetch;
        bool ours = false; // newly made: the caller begins the call and must end() it
    };
    // The fetch of `key` that runs and is `usable`, or a new one.
    template <typename Usable>
    Joined join(const K& key, Epoch now, Usable&& usable)
    {
        const std::lock_guard lock(mutex_);
        auto& place = table_[key];
        if (place != nullptr && usable(*place)) {
            return {place, false};
        }
        place = std::make_shared<Fetch<T>>(now);
        ++running_;
        return {place, true};
    }

    // The fetch of `key` that runs, or null.
    FetchPtr find(const K& key) const
    {
        const std::lock_guard lock(mutex_);
        const auto found = table_.find(key);
        return found == table_.end() ? nullptr : found->second;
    }

    // After the outcome has been put where others look first. A completion's last use of its owner.
    void end(const K& key, FetchPtr fetch, Result<T> result)
    {
        FetchPtr listed; // nobody joins a fetch that has ended: an error is not another's
        {
            const std::lock_guard lock(mutex_);
            if (const auto found = table_.find(key); found != table_.end() && found->second == fetch) {
                listed = std::move(found->second);
                table_.erase(found);
            }
        }
        fetch->finish(std::move(result));
        fetch.reset(); // what it holds may call the owner's friends when it goes
        listed.reset();
        const std::lock_guard lock(mutex_);
        --running_;
        quiet_.notify_all(); // under the lock: this object may be gone right after
    }

    [[nodiscard]] std::size_t running() const
    {
        const std::lock_guard lock(mutex_);
        return running_;
    }

private:
    mutable std::mutex mutex_; // level: leaf; `usable` asks Changes under it
    std::condition_variable quiet_;
    std::size_t running_ = 0;
    std::unordered_map<K, FetchPtr, Hash> table_;
};

} // namespace gm::cache
