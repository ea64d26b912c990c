// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/guest/qcow2_overlay.hpp"

namespace gm {
namespace {

constexpr unsigned kClusterBits = 16;
constexpr std::uint64_t kCluster = 1U << kClusterBits;
constexpr std::uint64_t kBytesPerL1Entry = kCluster * (kCluster / 8);

// Big-endian, as all numbers of the format.
void put(std::string& image, std::uint64_t at, std::uint64_t value, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; ++i) {
        image[at + i] = static_cast<char>(value >> (8 * (bytes - 1 - i)));
    }
}

constexpr std::uint64_t pieces(std::uint64_t whole, std::uint64_t piece)
{
    return (whole + piece - 1) / piece;
}

} // namespace

// Clusters: 0 header, 1 reference count table, 2 its one block, 3... the L1 table.
std::string empty_qcow2(std::uint64_t virtual_size)
{
    const std::uint64_t l1_entries = pieces(virtual_size, kBytesPerL1Entry);
    const std::uint64_t clusters = 3 + pieces(l1_entries * 8, kCluster);
    std::string image(clusters * kCluster, '\0');
    image.replace(0, 4, "QFI\xfb");
    put(image, 4, 3, 4); // version
    put(image, 20, kClusterBits, 4);
    put(image, 24, virtual_size, 8);
    put(image, 36, l1_entries, 4);
    put(image, 40, 3 * kCluster, 8); // L1 table
    put(image, 48, kCluster, 8);     // reference count table
    put(image, 56, 1, 4);            // ... of one cluster
    put(image, 96, 4, 4);            // counts of 2^4 bits
    put(image, 100, 104, 4);         // header length
    put(image, kCluster, 2 * kCluster, 8);
    for (std::uint64_t i = 0; i < clusters; ++i) {
        put(image, 2 * kCluster + 2 * i, 1, 2);
    }
    return image;
}

} // namespace gm
