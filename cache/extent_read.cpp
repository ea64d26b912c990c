// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cache/extent_read.hpp"

#include "core/base/guarded.hpp"

#include <algorithm>
#include <cstring>
#include <memory>

namespace gm::cache {

namespace {

struct Pieces {
    struct State {
        std::size_t waiting = 1; // the pieces, and the loop that asks for them
        Result<void> outcome;
    };
    Guarded<State> state; // level: leaf
    std::function<void(Result<void>)> done;

    void end_one(Result<void> outcome)
    {
        const bool last = state.with([&](State& now) {
            if (!outcome.ok()) {
                now.outcome = std::move(outcome);
            }
            return --now.waiting == 0;
        });
        if (last) {
            done(std::move(state.with([](State& now) -> Result<void>& { return now.outcome; })));
        }
    }
};

} // namespace

void read_extents(image::BlockSource& drives, const rpc::FileExtents& file, std::uint64_t offset,
                  std::span<std::byte> into, std::function<void(Result<void>)> done)
{
    const auto pieces = std::make_shared<Pieces>();
    pieces->done = std::move(done);
    const auto end_of = [](const rpc::Extent& extent) { return extent.file_offset + extent.length; };
    const std::uint64_t end = offset + into.size();
    auto extent = std::ranges::upper_bound(file.extents, offset, {}, end_of);
    for (auto at = offset; at < end;) {
        const auto part = into.subspan(at - offset);
        if (extent == file.extents.end() || extent->file_offset >= end) {
            std::memset(part.data(), 0, part.size());
            break;
        }
        if (at < extent->file_offset) {
            std::memset(part.data(), 0, extent->file_offset - at);
            at = extent->file_offset;
            continue;
        }
        const auto length = std::min(end, end_of(*extent)) - at;
        pieces->state.with([](Pieces::State& state) { ++state.waiting; });
        drives.begin({file.disk, extent->disk_offset + (at - extent->file_offset), part.first(length),
                      [pieces](Result<void> outcome) { pieces->end_one(std::move(outcome)); }});
        at += length;
        ++extent;
    }
    pieces->end_one({});
}

} // namespace gm::cache
