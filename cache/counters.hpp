// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What the caches did for a mount: hits and misses of each, and which way file data came. Any thread may count and
// read.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>

namespace gm::cache {

struct Rate {
    std::atomic<std::uint64_t> hits{0};
    std::atomic<std::uint64_t> misses{0};

    void count(bool hit) { (hit ? hits : misses).fetch_add(1, std::memory_order_relaxed); }
};

struct Counters {
    Rate folders; // pages of folders
    Rate xattrs;  // extended attribute lists of objects
    Rate extents; // extent maps of files
    Rate pages;   // blocks of file data

    std::atomic<std::uint64_t> folders_ahead{0};    // pages of folders fetched before they were asked for
    std::atomic<std::uint64_t> bytes_by_extent{0};  // read from the image by the host
    std::atomic<std::uint64_t> bytes_by_call{0};    // sent by the daemon
    std::atomic<std::uint64_t> bytes_from_cache{0}; // answered from data that was here already

    // Several lines for a person.
    [[nodiscard]] std::string text() const;
};

} // namespace gm::cache
