// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The bytes of the guest's drives as the running qemu sees them (overlays, qcow2 and remote images resolved), read by
// the host without passing through the guest. Drives are numbered in the order they were added. Any thread may call.
#pragma once

#include "core/base/error.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>

namespace gm::image {

constexpr std::size_t kMaxBlockRead = 32 << 20; // what every NBD server must take, bytes

struct BlockRead {
    std::uint32_t disk = 0;
    std::uint64_t offset = 0;  // bytes, any alignment
    std::span<std::byte> into; // valid until `done` is called; its content is undefined after an error
    // Called exactly once, on a thread of the source or inside begin(). Must not block.
    std::function<void(Result<void>)> done;
};

class BlockSource {
public:
    BlockSource() = default;
    BlockSource(const BlockSource&) = delete;
    BlockSource& operator=(const BlockSource&) = delete;
    virtual ~BlockSource() = default;

    // Bytes; 0 for a drive that is not there, so that nothing can be read from it.
    [[nodiscard]] virtual std::uint64_t size(std::uint32_t disk) const = 0;

    // Starts a read and returns; any number are in flight. EIO: the peer is gone, too slow, or the range is not on the
    // drive; EINVAL: more than kMaxBlockRead.
    virtual void begin(BlockRead read) = 0;

    // begin(), and waits.
    Result<void> read(std::uint32_t disk, std::uint64_t offset, std::span<std::byte> into);
};

} // namespace gm::image
