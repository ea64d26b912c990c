// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A run of entries of a folder as the daemon sent it. Immutable once made: any thread may share it.
#pragma once

#include "cache/changes.hpp"
#include "cache/node_hold.hpp"
#include "core/rpc/procedures.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

namespace gm::cache {

class FolderPage {
public:
    // `seen` is the epoch from before the call.
    FolderPage(const Key& folder, std::shared_ptr<const NodeHold> node, std::uint64_t offset, Epoch seen,
               std::vector<rpc::DirEntry> entries, bool end);

    [[nodiscard]] const Key& folder() const { return folder_; }
    [[nodiscard]] const std::shared_ptr<const NodeHold>& node() const { return node_; } // of the folder
    [[nodiscard]] std::uint64_t offset() const { return offset_; }
    [[nodiscard]] Epoch seen() const { return seen_; }
    [[nodiscard]] const std::vector<rpc::DirEntry>& entries() const { return entries_; }
    [[nodiscard]] bool end() const { return end_; } // nothing comes after it
    [[nodiscard]] std::uint64_t next_offset() const { return entries_.empty() ? offset_ : entries_.back().next_offset; }

    // Index of the entry that a reader at `offset` gets next; nothing when that is not of this page.
    [[nodiscard]] std::optional<std::size_t> index_at(std::uint64_t offset) const;
    // The entry of this name, or null.
    [[nodiscard]] const rpc::DirEntry* find(std::string_view name) const;
    // Whether names, and the attributes of the entries from `first` on, are still true.
    [[nodiscard]] bool fresh(const Changes& changes, std::size_t first) const;
    [[nodiscard]] std::size_t cost() const { return cost_; } // bytes

private:
    Key folder_;
    std::shared_ptr<const NodeHold> node_;
    std::uint64_t offset_;
    Epoch seen_;
    std::vector<rpc::DirEntry> entries_;
    std::vector<std::uint32_t> name_hashes_;
    bool end_;
    bool ascending_; // the offsets only grow, as most file systems number them
    std::size_t cost_;
};

// Where a reader goes on: entries from `first` on.
struct PageView {
    std::shared_ptr<const FolderPage> page;
    std::size_t first = 0;
};

} // namespace gm::cache
