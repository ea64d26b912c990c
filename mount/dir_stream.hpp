// SPDX-License-Identifier: GPL-2.0-or-later
//
// Reading folders: the entries, handed to the kernel in the small pieces that it asks for. Positions are the guest's
// own, so nothing belongs to an open folder and seekdir(3) works.
#pragma once

#include "mount/inode_table.hpp"

#include <span>
#include <vector>

namespace gm::mount {

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
