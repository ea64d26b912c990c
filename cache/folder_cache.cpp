// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cache/folder_cache.hpp"

#include <algorithm>

namespace gm::cache {

std::optional<PageView> FolderCache::find(const Key& folder, std::uint64_t offset)
{
    const auto listing = map_.get(folder);
    if (listing == nullptr) {
        return std::nullopt;
    }
    for (auto page = listing->pages.rbegin(); page != listing->pages.rend(); ++page) {
        if (const auto first = (*page)->index_at(offset); first && (offset != 0 || (*page)->fresh(changes_, *first))) {
            return PageView{*page, *first};
        }
    }
    return std::nullopt;
}

std::optional<FolderCache::Found> FolderCache::find(const Key& folder, std::string_view name)
{
    const auto listing = map_.get(folder);
    if (listing == nullptr) {
        return std::nullopt;
    }
    for (auto page = listing->pages.rbegin(); page != listing->pages.rend(); ++page) {
        const auto* entry = (*page)->find(name);
        if (entry != nullptr && entry->attr && changes_.unchanged(folder, kNames | kEntries, (*page)->seen()) &&
            changes_.unchanged(Key::of(*entry->attr), kAttrs, (*page)->seen())) {
            return Found{*page, entry};
        }
    }
    return std::nullopt;
}

FolderCache::Pages FolderCache::pages(const Key& folder)
{
    const auto listing = map_.get(folder);
    Pages pages = listing == nullptr ? Pages{} : listing->pages;
    std::erase_if(pages, [&](const auto& page) { return !changes_.unchanged(folder, kNames, page->seen()); });
    return pages;
}

void FolderCache::put(std::shared_ptr<const FolderPage> page)
{
    const Key folder = page->folder();
    auto listing = std::make_shared<Listing>();
    // Those whose names are true. A page put by another at this moment may be lost: it is fetched again.
    listing->pages = pages(folder);
    if (changes_.unchanged(folder, kNames, page->seen())) {
        std::erase_if(listing->pages, [&](const auto& other) { return other->offset() == page->offset(); });
        listing->pages.push_back(std::move(page));
    } // else its reader must not go on in older pages either
    std::size_t cost = 0;
    auto kept = listing->pages.end();
    while (kept != listing->pages.begin() && cost + (*(kept - 1))->cost() <= largest_) {
        cost += (*--kept)->cost();
    }
    listing->pages.erase(listing->pages.begin(), kept);
    if (listing->pages.empty()) {
        map_.erase(folder);
    } else {
        map_.put(folder, std::move(listing), cost);
    }
}

} // namespace gm::cache
