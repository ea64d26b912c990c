// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The bytes that all caches together may hold, and the one order in which they give them up: least recently used first,
// whatever cache it is in. Owned by the mount, outlives the caches (LruMap). Any thread may call.
#pragma once

#include <cstddef>
#include <list>
#include <memory>
#include <mutex>
#include <vector>

namespace gm::cache {

constexpr std::size_t kDefaultCacheSize = 64 << 20; // bytes

class Budget {
public:
    explicit Budget(std::size_t limit) : limit_(limit) {}
    Budget(const Budget&) = delete;
    Budget& operator=(const Budget&) = delete;
    ~Budget() = default;

    [[nodiscard]] std::size_t limit() const { return limit_; }
    [[nodiscard]] std::size_t used() const
    {
        const std::lock_guard lock(mutex_);
        return used_;
    }

private:
    template <typename K, typename T, typename Hash>
    friend class LruMap;

    // Values on their way out: destroyed after the lock is released, since a destructor may call out.
    using Trash = std::vector<std::shared_ptr<const void>>;

    class Shelf;
    struct Item {
        Shelf* shelf = nullptr;
        std::size_t cost = 0;
        std::list<Item*>::iterator place;
    };
    class Shelf {
    public:
        virtual ~Shelf() = default;
        virtual void drop(Item& item, Trash& trash) = 0; // under mutex_; forget() has been called
    };

    // All below: under mutex_.
    void remember(Item& item)
    {
        item.place = order_.insert(order_.begin(), &item);
        used_ += item.cost;
    }
    void forget(Item& item)
    {
        order_.erase(item.place);
        used_ -= item.cost;
    }
    void touch(Item& item) { order_.splice(order_.begin(), order_, item.place); }
    void cool(Item& item) { order_.splice(order_.end(), order_, item.place); }
    void shrink(Trash& trash)
    {
        while (used_ > limit_) {
            Item& coldest = *order_.back();
            forget(coldest);
            coldest.shelf->drop(coldest, trash);
        }
    }

    const std::size_t limit_;
    mutable std::mutex mutex_; // level: leaf; guards this object and every LruMap on it
    std::size_t used_ = 0;
    std::list<Item*> order_; // most recently used first
};

} // namespace gm::cache
