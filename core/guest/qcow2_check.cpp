// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/guest/qcow2_check.hpp"

#include "core/base/syscall.hpp"

#include <algorithm>
#include <fcntl.h>
#include <vector>

namespace gm {
namespace {

constexpr std::uint64_t kOffsetMask = 0x00fffffffffffe00U; // of table entries; the other bits are flags
constexpr std::uint64_t kCompressed = 1ULL << 62;
constexpr std::uint64_t kMostTableBytes = 32 << 20; // qemu's own limit

using Bytes = std::vector<unsigned char>;

std::uint64_t big_endian(const Bytes& bytes, std::size_t at, unsigned count)
{
    std::uint64_t value = 0;
    for (unsigned i = 0; i < count; ++i) {
        value = value << 8 | bytes[at + i];
    }
    return value;
}

// Fewer bytes than asked at the end of the file.
Result<Bytes> read_at(int fd, std::uint64_t offset, std::uint64_t size)
{
    Bytes bytes(static_cast<std::size_t>(std::min(size, kMostTableBytes)));
    const auto got = GM_TRY(sys([&] { return ::pread(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset)); },
                                "read the image's tables"));
    bytes.resize(static_cast<std::size_t>(got));
    return bytes;
}

// qemu locks byte 100 + N of an image for permission N; 1 is writing.
bool open_for_writing_elsewhere(int fd)
{
    struct flock lock {};
    lock.l_type = F_WRLCK;
    lock.l_whence = SEEK_SET;
    lock.l_start = 101;
    lock.l_len = 1;
    return ::fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

struct Header {
    std::uint64_t cluster_bits = 0;
    std::uint64_t l1_entries = 0;
    std::uint64_t l1_offset = 0;
    std::uint64_t counts_offset = 0;
    std::uint64_t counts_clusters = 0;
    std::uint64_t features = 0;    // that a reader must know
    std::uint64_t count_order = 4; // a count has 2^order bits

    [[nodiscard]] std::uint64_t cluster() const { return std::uint64_t{1} << cluster_bits; }
    [[nodiscard]] bool dirty() const { return (features & 1) != 0; }
    [[nodiscard]] std::uint64_t l2_entry_bytes() const { return (features & 16) != 0 ? 16 : 8; }
};

Header parse(const Bytes& bytes)
{
    Header header{.cluster_bits = big_endian(bytes, 20, 4),
                  .l1_entries = big_endian(bytes, 36, 4),
                  .l1_offset = big_endian(bytes, 40, 8),
                  .counts_offset = big_endian(bytes, 48, 8),
                  .counts_clusters = big_endian(bytes, 56, 4)};
    if (big_endian(bytes, 4, 4) >= 3) {
        header.features = big_endian(bytes, 72, 8);
        header.count_order = big_endian(bytes, 96, 4);
    }
    return header;
}

// Where the last cluster begins that the reference counts call used; nothing when they cannot be read.
Result<std::optional<std::uint64_t>> last_counted_cluster(int fd, const Header& header)
{
    const Bytes table = GM_TRY(read_at(fd, header.counts_offset, header.counts_clusters * header.cluster()));
    std::uint64_t block = 0;
    std::uint64_t counts_from = 0;
    for (std::size_t i = 0; i + 8 <= table.size(); i += 8) {
        if (const auto offset = big_endian(table, i, 8) & kOffsetMask; offset != 0) {
            block = offset;
            counts_from = i / 8 * (header.cluster() * 8 >> header.count_order) * header.cluster();
        }
    }
    const Bytes counts = block == 0 ? Bytes{} : GM_TRY(read_at(fd, block, header.cluster()));
    const auto used = static_cast<std::uint64_t>(
        counts.rend() - std::find_if(counts.rbegin(), counts.rend(), [](auto byte) { return byte != 0; }));
    if (used == 0) {
        return std::optional<std::uint64_t>{};
    }
    return std::optional{counts_from + ((used * 8 - 1) >> header.count_order) * header.cluster()};
}

// Whether a table that the guest's disk is made of, or data that it holds, lies behind the end of the file.
Result<bool> refers_behind(int fd, const Header& header, std::uint64_t file_end)
{
    const Bytes l1 = GM_TRY(read_at(fd, header.l1_offset, header.l1_entries * 8));
    if (l1.size() < header.l1_entries * 8) {
        return true;
    }
    const auto compressed_mask = (std::uint64_t{1} << (62 - (header.cluster_bits - 8))) - 1;
    for (std::size_t i = 0; i + 8 <= l1.size(); i += 8) {
        const auto l2_offset = big_endian(l1, i, 8) & kOffsetMask;
        if (l2_offset == 0) {
            continue;
        }
        const Bytes l2 = GM_TRY(read_at(fd, l2_offset, header.cluster()));
        if (l2.size() < header.cluster()) {
            return true;
        }
        for (std::size_t k = 0; k + 8 <= l2.size(); k += header.l2_entry_bytes()) {
            const auto entry = big_endian(l2, k, 8);
            const auto data = (entry & kCompressed) != 0 ? entry & compressed_mask : entry & kOffsetMask;
            if (data >= file_end && data != 0) {
                return true;
            }
        }
    }
    return false;
}

} // namespace

Result<void> check_qcow2_is_whole(int fd, const std::string& shown)
{
    const auto truncated = [&] { return make_error(EIO, "'{}' is truncated: its end is missing", shown); };
    const Bytes head = GM_TRY(read_at(fd, 0, 104));
    if (head.size() < 104) {
        return truncated();
    }
    const Header header = parse(head);
    if (header.cluster_bits < 9 || header.cluster_bits > 21 || header.count_order > 6) {
        return {}; // qemu refuses it in its own words
    }
    const auto end = GM_TRY(sys([&] { return ::lseek(fd, 0, SEEK_END); }, "find the image's end"));
    const auto file_end = static_cast<std::uint64_t>(end);
    const auto last = GM_TRY(last_counted_cluster(fd, header));
    // Several small counts share a byte: then the last used cluster is known to eight only.
    const auto slack = header.count_order < 3 ? 8 * header.cluster() : 0;
    if (last && *last < file_end + slack && !header.dirty()) {
        return {};
    }
    if (open_for_writing_elsewhere(fd)) {
        return {};
    }
    // The counts alone are no proof: a writer that was killed may have counted what it had not yet written.
    if (GM_TRY(refers_behind(fd, header, file_end))) {
        return truncated();
    }
    return {};
}

} // namespace gm
