// SPDX-License-Identifier: GPL-2.0-or-later
//
// The inode numbers that the mount shows. An object of the guest's root file system keeps its own number; one of a file
// system mounted below it gets a number that no object of the root file system has. Owned by the inode table.
// Any thread.
#pragma once

#include "core/base/guarded.hpp"

#include <cstdint>
#include <map>

namespace gm::mount {

class InodeNumbers {
public:
    // The number to show for inode `ino` of the guest file system with this small number (Attr.filesystem). The same
    // for the same arguments for as long as the mount lives.
    std::uint64_t show(std::uint32_t filesystem, std::uint64_t ino);

private:
    struct Key {
        std::uint32_t filesystem;
        std::uint64_t ino;
        auto operator<=>(const Key&) const = default;
    };
    struct Assigned {
        std::map<Key, std::uint64_t> numbers;
        std::uint64_t next = 0;
    };
    Guarded<Assigned> assigned_; // only what does not fit into the fixed scheme; level: leaf
};

} // namespace gm::mount
