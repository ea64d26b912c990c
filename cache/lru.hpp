// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A map of shared immutable values on a Budget: what is used least, here or in the other maps of the budget, goes
// first. Whoever got a value keeps it alive, evicted or not. Any thread may call; nothing here blocks or calls out
// under a lock.
#pragma once

#include "cache/budget.hpp"

#include <functional>
#include <unordered_map>

namespace gm::cache {

template <typename K, typename T, typename Hash = std::hash<K>>
class LruMap final : private Budget::Shelf {
public:
    using Value = std::shared_ptr<const T>;

    explicit LruMap(Budget& budget) : budget_(budget) {}
    LruMap(const LruMap&) = delete;
    LruMap& operator=(const LruMap&) = delete;
    ~LruMap() override { clear(); }

    // Nothing when absent. Counts as a use.
    [[nodiscard]] Value get(const K& key)
    {
        const std::lock_guard lock(budget_.mutex_);
        const auto found = items_.find(key);
        if (found == items_.end()) {
            return nullptr;
        }
        budget_.touch(found->second);
        return found->second.value;
    }

    // Inserts or replaces. `cost` is in bytes; a value that alone exceeds the budget is not kept.
    void put(const K& key, Value value, std::size_t cost)
    {
        Budget::Trash trash; // before the lock: destroyed after it is released
        const std::lock_guard lock(budget_.mutex_);
        remove(key, trash);
        if (cost > budget_.limit_) {
            return;
        }
        const auto [place, inserted] = items_.try_emplace(key);
        place->second.shelf = this;
        place->second.cost = cost + kOverhead;
        place->second.key = key;
        place->second.value = std::move(value);
        budget_.remember(place->second);
        budget_.shrink(trash);
    }

    void erase(const K& key)
    {
        Budget::Trash trash;
        const std::lock_guard lock(budget_.mutex_);
        remove(key, trash);
    }

    // Makes it the first to go: it will not be asked for again.
    void cool(const K& key)
    {
        const std::lock_guard lock(budget_.mutex_);
        if (const auto found = items_.find(key); found != items_.end()) {
            budget_.cool(found->second);
        }
    }

    void clear()
    {
        Budget::Trash trash;
        const std::lock_guard lock(budget_.mutex_);
        while (!items_.empty()) {
            remove(items_.begin()->first, trash);
        }
    }

    [[nodiscard]] std::size_t size() const
    {
        const std::lock_guard lock(budget_.mutex_);
        return items_.size();
    }

private:
    struct Item : Budget::Item {
        K key{};
        Value value;
    };
    static constexpr std::size_t kOverhead = sizeof(Item) + 64; // map node, list node, control block

    void remove(const K& key, Budget::Trash& trash)
    {
        if (const auto found = items_.find(key); found != items_.end()) {
            budget_.forget(found->second);
            trash.push_back(std::move(found->second.value));
            items_.erase(found);
        }
    }

    void drop(Budget::Item& item, Budget::Trash& trash) override
    {
        auto& dropped = static_cast<Item&>(item);
        trash.push_back(std::move(dropped.value));
        const K key = dropped.key; // the item dies while its key is looked for
        items_.erase(key);
    }

    Budget& budget_;
    std::unordered_map<K, Item, Hash> items_; // under budget_.mutex_; items do not move
};

} // namespace gm::cache
