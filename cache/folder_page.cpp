// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cache/folder_page.hpp"

#include <algorithm>

namespace gm::cache {

namespace {

std::uint32_t hash_of(std::string_view name)
{
    return static_cast<std::uint32_t>(std::hash<std::string_view>{}(name));
}

std::size_t cost_of(const rpc::DirEntry& entry)
{
    const auto heap = [](const std::string& text) { return text.size() > 15 ? text.size() + 17 : 0; };
    return sizeof entry + sizeof(std::uint32_t) + heap(entry.name) + (entry.link_target ? heap(*entry.link_target) : 0);
}

} // namespace

FolderPage::FolderPage(const Key& folder, std::shared_ptr<const NodeHold> node, std::uint64_t offset, Epoch seen,
                       std::vector<rpc::DirEntry> entries, bool end)
    : folder_(folder), node_(std::move(node)), offset_(offset), seen_(seen), entries_(std::move(entries)), end_(end)
{
    ascending_ = true;
    cost_ = sizeof *this;
    auto last = offset;
    name_hashes_.reserve(entries_.size());
    for (const auto& entry : entries_) {
        ascending_ = ascending_ && entry.next_offset > last;
        last = entry.next_offset;
        name_hashes_.push_back(hash_of(entry.name));
        cost_ += cost_of(entry);
    }
}

std::optional<std::size_t> FolderPage::index_at(std::uint64_t offset) const
{
    if (offset == offset_) {
        return 0;
    }
    auto at = entries_.end();
    if (ascending_) {
        at = std::ranges::lower_bound(entries_, offset, {}, &rpc::DirEntry::next_offset);
    } else {
        at = std::ranges::find(entries_, offset, &rpc::DirEntry::next_offset);
    }
    if (at == entries_.end() || at->next_offset != offset) {
        return std::nullopt;
    }
    const auto index = static_cast<std::size_t>(at - entries_.begin()) + 1;
    return index < entries_.size() || end_ ? std::optional{index} : std::nullopt;
}

const rpc::DirEntry* FolderPage::find(std::string_view name) const
{
    const auto hash = hash_of(name);
    for (std::size_t i = 0; i < entries_.size(); ++i) {
        if (name_hashes_[i] == hash && entries_[i].name == name) {
            return &entries_[i];
        }
    }
    return nullptr;
}

bool FolderPage::fresh(const Changes& changes, std::size_t first) const
{
    if (changes.all_unchanged(seen_)) {
        return true;
    }
    return changes.unchanged(folder_, kNames | kEntries, seen_) &&
           std::all_of(entries_.begin() + static_cast<std::ptrdiff_t>(first), entries_.end(), [&](const auto& entry) {
               return !entry.attr || changes.unchanged(Key::of(*entry.attr), kAttrs, seen_);
           });
}

} // namespace gm::cache
