// SPDX-License-Identifier: GPL-2.0-or-later
#include "mount/inode_numbers.hpp"

namespace gm::mount {
namespace {

// 1 | file system (15 bits) | inode number (48 bits). The topmost file system number is kept for assigned numbers.
constexpr std::uint64_t kBelowRoot = 1ULL << 63;
constexpr unsigned kInoBits = 48;
constexpr std::uint64_t kMaxIno = (1ULL << kInoBits) - 1;
constexpr std::uint64_t kAssignedFilesystem = (1ULL << 15) - 1;
constexpr std::uint64_t kFirstAssigned = kBelowRoot | kAssignedFilesystem << kInoBits;

} // namespace

std::uint64_t InodeNumbers::show(std::uint32_t filesystem, std::uint64_t ino)
{
    if (filesystem == 0 && ino < kBelowRoot) {
        return ino;
    }
    if (filesystem != 0 && filesystem < kAssignedFilesystem && ino <= kMaxIno) {
        return kBelowRoot | std::uint64_t{filesystem} << kInoBits | ino;
    }
    return assigned_.with([&](Assigned& assigned) {
        const auto [position, added] = assigned.numbers.try_emplace({filesystem, ino}, kFirstAssigned + assigned.next);
        assigned.next += added ? 1 : 0;
        return position->second;
    });
}

} // namespace gm::mount
