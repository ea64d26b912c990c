// SPDX-License-Identifier: GPL-2.0-or-later
#include "mount/dir_stream.hpp"

#include "mount/fuse_api.hpp"

namespace gm::mount {

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
