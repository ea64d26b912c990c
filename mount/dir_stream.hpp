// SPDX-License-Identifier: GPL-2.0-or-later
//
// Reading folders: pages of many entries from the daemon, handed to the kernel in the small pieces that it asks for.
// Positions are the guest's own, so nothing belongs to an open folder and seekdir(3) works across pages. The pages read
// last are kept for the next piece. Owned by the Filesystem; any thread.
#pragma once

#include "core/base/guarded.hpp"
#include "mount/inode_table.hpp"

#include <list>
#include <span>
#include <vector>

namespace gm::mount {

struct FolderPage {
    InodeId folder = InodeId::none;
    std::uint64_t offset = 0; // of the first entry
    Epoch seen = Epoch::start;
    std::vector<rpc::DirEntry> entries;
    bool end = false; // no entries behind these

    // Index of the entry at `offset`, entries.size() behind the last; nothing when the page does not know the position.
    [[nodiscard]] std::optional<std::size_t> find(std::uint64_t at) const;
};
using FolderPagePtr = std::shared_ptr<const FolderPage>;

class FolderPages {
public:
    // A kept page that can continue at `offset`. A read from the beginning never finds one: it must see what is there
    // now.
    [[nodiscard]] FolderPagePtr find(InodeId folder, std::uint64_t offset);
    void keep(FolderPagePtr page);

private:
    static constexpr std::size_t kPages = 16;

    Guarded<std::list<FolderPagePtr>> pages_; // the last used first; level: leaf
};

// The entries of one reply in the kernel's format, with the lookups that they count.
class DirBuffer {
public:
    DirBuffer(std::size_t size, bool with_attributes);

    // False when there is no room left; then nothing was added.
    bool add(const std::string& name, std::uint64_t next_offset, const struct stat& attr, std::optional<EntryRef> ref,
             double name_timeout, double timeout);
    [[nodiscard]] std::span<const char> bytes() const { return {bytes_.data(), used_}; }
    // The kernel has the reply.
    void leak();

private:
    std::vector<char> bytes_;
    std::size_t used_ = 0;
    bool with_attributes_;
    std::vector<EntryRef> refs_;
};

} // namespace gm::mount
