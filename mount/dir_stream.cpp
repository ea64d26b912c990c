// SPDX-License-Identifier: GPL-2.0-or-later
#include "mount/dir_stream.hpp"

#include "mount/fuse_api.hpp"

#include <algorithm>

namespace gm::mount {

std::optional<std::size_t> FolderPage::find(std::uint64_t at) const
{
    if (at == offset) {
        return 0;
    }
    const auto before =
        std::find_if(entries.begin(), entries.end(), [&](const auto& entry) { return entry.next_offset == at; });
    if (before == entries.end()) {
        return std::nullopt;
    }
    return static_cast<std::size_t>(before - entries.begin()) + 1;
}

FolderPagePtr FolderPages::find(InodeId folder, std::uint64_t offset)
{
    if (offset == 0) {
        return nullptr;
    }
    return pages_.with([&](std::list<FolderPagePtr>& pages) -> FolderPagePtr {
        for (auto position = pages.begin(); position != pages.end(); ++position) {
            const auto& page = **position;
            if (page.folder != folder) {
                continue;
            }
            const auto index = page.find(offset);
            if (index && (*index < page.entries.size() || page.end)) {
                pages.splice(pages.begin(), pages, position);
                return pages.front();
            }
        }
        return nullptr;
    });
}

void FolderPages::keep(FolderPagePtr page)
{
    FolderPagePtr oldest;
    pages_.with([&](std::list<FolderPagePtr>& pages) {
        // One page a folder is enough: a reader goes forward.
        pages.remove_if([&](const auto& other) { return other->folder == page->folder; });
        pages.push_front(std::move(page));
        if (pages.size() > kPages) {
            oldest = std::move(pages.back());
            pages.pop_back();
        }
    });
}

DirBuffer::DirBuffer(std::size_t size, bool with_attributes) : bytes_(size), with_attributes_(with_attributes) {}

bool DirBuffer::add(const std::string& name, std::uint64_t next_offset, const struct stat& attr,
                    std::optional<EntryRef> ref, double name_timeout, double timeout)
{
    const std::size_t left = bytes_.size() - used_;
    const auto offset = static_cast<off_t>(next_offset);
    std::size_t needed = 0;
    // The library uses the request for nothing here; it is in the signature for its own history.
    if (with_attributes_) {
        fuse_entry_param entry{};
        entry.attr = attr;
        if (ref) {
            entry.ino = static_cast<fuse_ino_t>(ref->inode()->id);
            entry.attr_timeout = timeout;
            entry.entry_timeout = name_timeout;
        }
        needed = fuse_add_direntry_plus(nullptr, bytes_.data() + used_, left, name.c_str(), &entry, offset);
    } else {
        needed = fuse_add_direntry(nullptr, bytes_.data() + used_, left, name.c_str(), &attr, offset);
    }
    if (needed > left) {
        return false;
    }
    used_ += needed;
    if (ref) {
        refs_.push_back(std::move(*ref));
    }
    return true;
}

void DirBuffer::leak()
{
    for (auto& ref : refs_) {
        ref.leak();
    }
    refs_.clear();
}

} // namespace gm::mount
