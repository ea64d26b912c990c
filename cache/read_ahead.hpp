// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Tells streams from random reads, per file, and how far to read ahead of a stream. Pure policy, without calls and
// locks: its owner serialises access.
#pragma once

#include "cache/key.hpp"

#include <list>
#include <unordered_map>

namespace gm::cache {

class ReadAhead {
public:
    static constexpr std::uint64_t kFirstWindow = 256 << 10; // bytes
    static constexpr std::uint64_t kMaxWindow = 4 << 20;
    static constexpr std::size_t kMaxFiles = 512; // remembered

    struct Advice {
        bool stream = false;
        std::uint64_t from = 0; // of what to fetch ahead now, behind this read; from == to: nothing
        std::uint64_t to = 0;   // may lie behind the file's end
    };
    // Somebody reads this range. Several threads may bring the reads of one stream slightly out of order.
    Advice on_read(const Key& file, std::uint64_t offset, std::uint64_t size);

private:
    struct Stream {
        Key file;
        std::uint64_t next = 0;    // end of the read that went farthest
        std::uint64_t window = 0;  // 0: no stream
        std::uint64_t fetched = 0; // end of what was advised
    };

    Stream& stream_of(const Key& file);

    std::list<Stream> streams_; // used last first
    std::unordered_map<Key, std::list<Stream>::iterator, KeyHash> index_;
};

} // namespace gm::cache
