// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What the caches know an object by. It can be told from attributes alone, so that something fetched ahead has its key
// before the kernel has ever asked for it. Values.
#pragma once

#include "core/rpc/types.hpp"

#include <cstdint>
#include <functional>

namespace gm::cache {

struct Key {
    std::uint64_t ino = 0;
    std::uint32_t filesystem = 0;
    rpc::Timestamp btime; // tells a reused inode number from the old object

    static Key of(const rpc::Attr& attr) { return {attr.ino, attr.filesystem, attr.btime}; }
    bool operator==(const Key&) const = default;
};

struct KeyHash {
    std::size_t operator()(const Key& key) const
    {
        constexpr std::uint64_t kMix = 0x9e3779b97f4a7c15; // odd, bits well spread
        const std::uint64_t low =
            key.ino ^ (std::uint64_t{key.filesystem} << 40) ^ (std::uint64_t{key.btime.nanoseconds} << 20);
        return static_cast<std::size_t>((low * kMix) ^ (low >> 29));
    }
};

} // namespace gm::cache
