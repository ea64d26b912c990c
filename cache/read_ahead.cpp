// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cache/read_ahead.hpp"

#include <algorithm>

namespace gm::cache {

ReadAhead::Stream& ReadAhead::stream_of(const Key& file)
{
    if (const auto found = index_.find(file); found != index_.end()) {
        streams_.splice(streams_.begin(), streams_, found->second);
        return streams_.front();
    }
    if (streams_.size() >= kMaxFiles) {
        index_.erase(streams_.back().file);
        streams_.pop_back();
    }
    streams_.push_front({.file = file});
    index_[file] = streams_.begin();
    return streams_.front();
}

ReadAhead::Advice ReadAhead::on_read(const Key& file, std::uint64_t offset, std::uint64_t size)
{
    Stream& stream = stream_of(file);
    // The kernel's own read-ahead sends several requests of a stream at once, and threads overtake each other; so an
    // established stream takes what comes near its front. A new one needs an exact continuation.
    const std::uint64_t slack = stream.window == 0 ? 0 : std::max<std::uint64_t>(size, kFirstWindow);
    const bool continues = offset <= stream.next + slack && offset + slack >= stream.next;
    if (!continues) {
        stream = {.file = file, .next = offset + size};
        if (offset != 0) { // whoever begins at the beginning will probably go on
            return {};
        }
    }
    const std::uint64_t end = offset + size;
    stream.next = std::max(stream.next, end);
    stream.window = std::min(kMaxWindow, std::max({kFirstWindow, 2 * stream.window, 2 * size}));
    stream.fetched = std::max(stream.fetched, stream.next);
    Advice advice{.stream = true};
    if (stream.fetched - stream.next <= stream.window / 2) { // in large pieces, not a little at each read
        advice.from = stream.fetched;
        advice.to = stream.next + stream.window;
        stream.fetched = advice.to;
    }
    return advice;
}

} // namespace gm::cache
