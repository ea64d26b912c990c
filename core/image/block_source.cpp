// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/image/block_source.hpp"

#include <future>

namespace gm::image {

Result<void> BlockSource::read(std::uint32_t disk, std::uint64_t offset, std::span<std::byte> into)
{
    std::promise<Result<void>> outcome;
    auto waiting = outcome.get_future();
    begin({disk, offset, into, [&outcome](Result<void> result) { outcome.set_value(std::move(result)); }});
    return waiting.get();
}

} // namespace gm::image
