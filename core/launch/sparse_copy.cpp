// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/launch/sparse_copy.hpp"

#include "core/base/syscall.hpp"

#include <algorithm>
#include <cstring>
#include <vector>

namespace gm::launch {
namespace {

constexpr std::size_t kPage = 4096;
constexpr std::size_t kPiece = 1 << 20;

bool is_zero(const char* page, std::size_t size)
{
    return page[0] == 0 && std::memcmp(page, page + 1, size - 1) == 0;
}

Result<void> write_at(int fd, const char* bytes, std::size_t size, off_t offset)
{
    while (size > 0) {
        const auto put = GM_TRY(sys([&] { return ::pwrite(fd, bytes, size, offset); }, "write"));
        bytes += put;
        size -= static_cast<std::size_t>(put);
        offset += put;
    }
    return {};
}

// Writes the runs of pages that are not all zero.
Result<void> write_pages(int fd, const std::vector<char>& piece, std::size_t size, off_t offset)
{
    std::size_t begin = 0;
    for (std::size_t at = 0; at < size; at += kPage) {
        const std::size_t length = std::min(kPage, size - at);
        if (is_zero(piece.data() + at, length)) {
            GM_TRY(write_at(fd, piece.data() + begin, at - begin, offset + static_cast<off_t>(begin)));
            begin = at + length;
        }
    }
    return write_at(fd, piece.data() + begin, size - begin, offset + static_cast<off_t>(begin));
}

} // namespace

Result<void> copy_sparse(int from, int to)
{
    const off_t size = GM_TRY(sys([&] { return ::lseek(from, 0, SEEK_END); }, "find the size"));
    GM_TRY(sys([&] { return ::ftruncate(to, size); }, "set the size"));
    std::vector<char> piece(kPiece);
    off_t at = ::lseek(from, 0, SEEK_DATA);
    while (at >= 0 && at < size) {
        const off_t end = std::max(::lseek(from, at, SEEK_HOLE), at + 1);
        while (at < end) {
            const auto wanted = std::min(piece.size(), static_cast<std::size_t>(end - at));
            const auto got = GM_TRY(sys([&] { return ::pread(from, piece.data(), wanted, at); }, "read"));
            if (got == 0) {
                return make_error(EIO, "the file became shorter while it was copied");
            }
            GM_TRY(write_pages(to, piece, static_cast<std::size_t>(got), at));
            at += got;
        }
        at = ::lseek(from, at, SEEK_DATA); // ENXIO at the last hole
    }
    return {};
}

} // namespace gm::launch
