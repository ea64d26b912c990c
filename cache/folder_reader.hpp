// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Reads folders of the guest: from the cache, or by ReadDir with attributes, and ahead of a reader who walks through a
// tree, several folders at once, so that the guest's disk reads overlap. Owned by the mount; must go before the link.
// Any number of threads; read() blocks, the rest does not.
#pragma once

#include "cache/counters.hpp"
#include "cache/folder_cache.hpp"
#include "cache/in_flight.hpp"
#include "cache/walk_detector.hpp"
#include "core/base/guarded.hpp"
#include "core/rpc/link.hpp"

namespace gm::cache {

class FolderReader {
public:
    static constexpr std::size_t kMaxInFlight = 8;         // fetches ahead at a time
    static constexpr std::uint32_t kPageBytes = 128 << 10; // of a reply

    FolderReader(rpc::Link& link, FolderCache& cache, const Changes& changes, Counters& counters, ForgetNode forget)
        : link_(link), cache_(cache), changes_(changes), counters_(counters), forget_(std::move(forget))
    {
    }

    // The entries of `folder` from `offset` (0, or a next_offset) on. `target` names it in a call, if one is needed.
    // No entries: the end.
    Result<PageView> read(const Key& folder, const rpc::Target& target, std::uint64_t offset);

    // The folders that a walk reaches next and that are in the cache already, nearest first; empty without a walk.
    [[nodiscard]] std::vector<Key> upcoming(std::size_t most) const;
    [[nodiscard]] bool walking() const
    {
        return walk_.with([](const WalkDetector& walk) { return walk.walking(); });
    }

private:
    struct PageId {
        Key folder;
        std::uint64_t offset = 0;
        bool operator==(const PageId&) const = default;
    };
    struct PageIdHash {
        std::size_t operator()(const PageId& id) const
        {
            return KeyHash{}(id.folder) ^ (id.offset * 0x9e3779b97f4a7c15);
        }
    };
    using PagePtr = std::shared_ptr<const FolderPage>;
    using Pages = InFlight<PageId, PagePtr, PageIdHash>;

    // Joins the fetch of a page, or begins one.
    Pages::Joined fetch(const PageId& id, const rpc::Target& target);
    void begin(const PageId& id, const rpc::Target& target, const Pages::FetchPtr& fetch, bool ahead,
               std::function<bool()> still_named);
    void fetch_folder_ahead(const Subfolder& folder);
    void fetch_next_page(const FolderPage& page);
    void fetch_ahead();
    void learn(const FolderPage& page);
    Result<PagePtr> page_of(const PageId& id, Epoch begun, Result<rpc::ReadDir::Reply> reply) const;
    Pages::Joined join(const PageId& id);

    rpc::Link& link_;
    FolderCache& cache_;
    const Changes& changes_;
    Counters& counters_;
    const ForgetNode forget_;
    Guarded<WalkDetector> walk_; // level: leaf
    Pages in_flight_;            // last: waits for completions, which use the above
};

} // namespace gm::cache
