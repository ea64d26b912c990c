// SPDX-License-Identifier: LGPL-2.1-or-later
//
// ioctl(FS_IOC_FIEMAP) with room for N extents (Documentation/filesystems/fiemap.rst of the kernel).
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <span>
#include <sys/ioctl.h>

namespace gm::daemon {

// struct fiemap ends with an array of no size: the extents follow it in one buffer.
template <std::uint32_t N>
class FiemapRequest {
public:
    // The extents of a range of bytes; false on failure, with errno set.
    bool ask(int fd, std::uint64_t start, std::uint64_t length)
    {
        head() = {.fm_start = start, .fm_length = length, .fm_extent_count = N};
        return ::ioctl(fd, FS_IOC_FIEMAP, buffer_) == 0;
    }
    [[nodiscard]] std::span<const fiemap_extent> extents()
    {
        return {reinterpret_cast<const fiemap_extent*>(buffer_ + sizeof(fiemap)),
                std::min(head().fm_mapped_extents, N)};
    }

private:
    fiemap& head() { return *reinterpret_cast<fiemap*>(buffer_); }

    alignas(fiemap) std::byte buffer_[sizeof(fiemap) + N * sizeof(fiemap_extent)];
};

} // namespace gm::daemon
