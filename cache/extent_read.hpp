// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A range of a file put together from its extents: all pieces are asked for at once, holes are zeros. Any thread.
#pragma once

#include "core/image/block_source.hpp"
#include "core/rpc/types.hpp"

namespace gm::cache {

// Fills `into` with the file's bytes from `offset` on; the range must end at or before file.size. `done` is called
// once, on a thread of the source or inside this call, and must not block; `into` must live until then.
void read_extents(image::BlockSource& drives, const rpc::FileExtents& file, std::uint64_t offset,
                  std::span<std::byte> into, std::function<void(Result<void>)> done);

} // namespace gm::cache
