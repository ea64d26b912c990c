// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Pages of folders by the folder's key. A folder is kept or given up as a whole, but of a huge one only the pages that
// came last. Any thread.
#pragma once

#include "cache/folder_page.hpp"
#include "cache/lru.hpp"

namespace gm::cache {

class FolderCache {
public:
    FolderCache(Budget& budget, const Changes& changes) : changes_(changes), largest_(budget.limit() / 4), map_(budget)
    {
    }

    // What a reader at `offset` gets; nothing when that is not here or no longer true. A reader who goes on (an offset
    // other than 0) need not see names that came or went since it began: only attributes that are still true may be
    // believed then, entry by entry.
    [[nodiscard]] std::optional<PageView> find(const Key& folder, std::uint64_t offset);
    // The entry of that name and its page; nothing when no page here has it, which says nothing about the folder.
    struct Found {
        std::shared_ptr<const FolderPage> page;
        const rpc::DirEntry* entry = nullptr;
    };
    [[nodiscard]] std::optional<Found> find(const Key& folder, std::string_view name);
    // The pages of a folder whose names are true, in the order of their offsets in the folder as far as they are known.
    [[nodiscard]] std::vector<std::shared_ptr<const FolderPage>> pages(const Key& folder);
    // Keeps a page unless its names have changed since it was seen.
    void put(std::shared_ptr<const FolderPage> page);
    // A folder that was removed: its pages hold its node.
    void erase(const Key& folder) { map_.erase(folder); }

private:
    using Pages = std::vector<std::shared_ptr<const FolderPage>>;
    struct Listing {
        Pages pages; // oldest first
    };

    const Changes& changes_;
    const std::size_t largest_; // bytes of one folder
    LruMap<Key, Listing, KeyHash> map_;
};

} // namespace gm::cache
