// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cache/changes.hpp"

#include <algorithm>

namespace gm::cache {

Changes::Scope::~Scope()
{
    end();
}

std::optional<Epoch> Changes::Scope::end()
{
    auto* const changes = std::exchange(changes_, nullptr);
    return changes == nullptr ? std::nullopt : changes->end(begun_, changing_);
}

void Changes::stamp(Record& record, Aspects aspects, int under_way) const
{
    for (std::size_t i = 0; i < kAspectCount; ++i) {
        if ((aspects & (1U << i)) != 0) {
            record.last[i] = epoch_;
            record.under_way[i] += static_cast<std::uint32_t>(under_way); // -1 wraps to one less
        }
    }
}

Changes::Scope Changes::begin(std::vector<Change> changing)
{
    const std::lock_guard lock(mutex_);
    ++changing_;
    ++epoch_;
    if (records_.size() >= kMaxRecords) {
        floor_ = epoch_;
        std::erase_if(records_, [](const auto& entry) {
            return std::ranges::all_of(entry.second.under_way, [](std::uint32_t count) { return count == 0; });
        });
    }
    for (const auto& change : changing) {
        stamp(records_[change.key], change.aspects, +1);
        if ((change.aspects & kData) != 0) {
            unsynced_.insert(change.key);
        }
    }
    return Scope{*this, epoch_, std::move(changing)};
}

std::optional<Epoch> Changes::end(std::uint64_t begun, const std::vector<Change>& changing)
{
    const std::lock_guard lock(mutex_);
    bool alone = true;
    for (const auto& change : changing) {
        const auto& record = records_[change.key];
        for (std::size_t i = 0; i < kAspectCount; ++i) {
            alone =
                alone && ((change.aspects & (1U << i)) == 0 || (record.last[i] == begun && record.under_way[i] == 1));
        }
    }
    ++epoch_;
    --changing_;
    for (const auto& change : changing) {
        stamp(records_[change.key], change.aspects, -1);
    }
    return alone ? std::optional{Epoch{epoch_.load()}} : std::nullopt;
}

bool Changes::unchanged(const Key& key, Aspects aspects, Epoch since) const
{
    if (all_unchanged(since)) {
        return true;
    }
    const auto at = static_cast<std::uint64_t>(since);
    const std::lock_guard lock(mutex_);
    if (at < floor_) {
        return false;
    }
    const auto found = records_.find(key);
    if (found == records_.end()) {
        return true;
    }
    for (std::size_t i = 0; i < kAspectCount; ++i) {
        if ((aspects & (1U << i)) != 0 && (found->second.last[i] > at || found->second.under_way[i] != 0)) {
            return false;
        }
    }
    return true;
}

bool Changes::unsynced(const Key& key) const
{
    if (epoch_.load() == 0) {
        return false;
    }
    const std::lock_guard lock(mutex_);
    return unsynced_.contains(key);
}

bool Changes::data_settled(const Key& key, Epoch before) const
{
    constexpr std::size_t kDataIndex = 3;
    const auto at = static_cast<std::uint64_t>(before);
    const auto found = records_.find(key);
    return found == records_.end() ? floor_ <= at
                                   : found->second.last[kDataIndex] <= at && found->second.under_way[kDataIndex] == 0;
}

void Changes::synced(const Key& key, Epoch before)
{
    const std::lock_guard lock(mutex_);
    if (data_settled(key, before)) {
        unsynced_.erase(key);
    }
}

void Changes::all_synced(Epoch before)
{
    const std::lock_guard lock(mutex_);
    std::erase_if(unsynced_, [&](const Key& key) { return data_settled(key, before); });
}

} // namespace gm::cache
