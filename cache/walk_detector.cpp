// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cache/walk_detector.hpp"

#include <algorithm>

namespace gm::cache {

void WalkDetector::drop(Queue::iterator item)
{
    if (item->taken) {
        --ahead_;
    }
    if (after_last_ == item) {
        ++after_last_;
    }
    index_.erase(item->folder.key);
    queue_.erase(item);
}

void WalkDetector::drop(const Key& folder)
{
    if (const auto found = index_.find(folder); found != index_.end()) {
        drop(found->second);
    }
}

void WalkDetector::learn_order(const Item& item)
{
    if (item.folder.parent == last_) {
        breadth_ = 0;
        return;
    }
    // A sibling follows although the folder before it has subfolders that wait: that is no depth-first walk.
    const bool child_waits = after_last_ != queue_.begin() && std::prev(after_last_)->folder.parent == last_;
    if (item.folder.parent == last_parent_ && child_waits) {
        ++breadth_;
    }
}

void WalkDetector::opened(const Key& folder)
{
    ++reads_;
    const auto found = index_.find(folder);
    if (found == index_.end()) {
        score_ = 0; // a new walk may begin here; what is known of others stays
        last_parent_ = {};
        after_last_ = queue_.begin();
    } else {
        const auto item = found->second;
        learn_order(*item);
        ++score_;
        last_parent_ = item->folder.parent;
        after_last_ = std::next(item);
        drop(item);
    }
    last_ = folder;
    while (!queue_.empty() && queue_.front().taken && reads_ - queue_.front().taken_at > kPatience) {
        drop(queue_.begin());
    }
}

void WalkDetector::listed(const Key& folder, std::vector<Subfolder> subfolders)
{
    constexpr unsigned kSure = 2; // siblings in a row until breadth-first is believed
    auto place = queue_.end();
    if (breadth_ < kSure) {
        const auto found = index_.find(folder);
        place = folder == last_ ? after_last_ : found != index_.end() ? std::next(found->second) : queue_.end();
    }
    for (auto& subfolder : subfolders) {
        if (const auto known = index_.find(subfolder.key); known != index_.end()) {
            known->second->folder = std::move(subfolder); // its name is true again, or another
        } else {
            const auto item = queue_.insert(place, Item{std::move(subfolder)});
            index_.emplace(item->folder.key, item);
        }
    }
    while (queue_.size() > kMaxQueue) {
        drop(std::prev(queue_.end()));
    }
}

std::vector<Subfolder> WalkDetector::take(std::size_t most)
{
    std::vector<Subfolder> taken;
    const std::size_t window = score_ == 0 ? 0 : std::min<std::size_t>(kMaxAhead, 4UL << std::min(score_, 5U));
    for (auto item = queue_.begin(); item != queue_.end() && taken.size() < most && ahead_ < window; ++item) {
        if (!item->taken) {
            item->taken = true;
            item->taken_at = reads_;
            ++ahead_;
            taken.push_back(item->folder);
        }
    }
    return taken;
}

std::vector<Key> WalkDetector::upcoming(std::size_t most) const
{
    std::vector<Key> keys;
    for (auto item = queue_.begin(); item != queue_.end() && item->taken && keys.size() < most; ++item) {
        keys.push_back(item->folder.key);
    }
    return keys;
}

} // namespace gm::cache
