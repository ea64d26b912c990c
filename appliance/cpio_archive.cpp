// SPDX-License-Identifier: LGPL-2.1-or-later
#include "appliance/cpio_archive.hpp"

#include <fmt/format.h>
#include <iterator>

namespace gm::appliance {
namespace {

constexpr std::size_t kAlignment = 4;

void pad(std::string& bytes)
{
    bytes.append((kAlignment - bytes.size() % kAlignment) % kAlignment, '\0');
}

} // namespace

void CpioArchive::add(std::string_view path, std::uint32_t mode, std::uint32_t major, std::uint32_t minor,
                      std::string_view content)
{
    // magic, inode, mode, uid, gid, links, mtime, size, device, represented device, name size with its NUL, checksum
    fmt::format_to(std::back_inserter(bytes_),
                   "070701{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}",
                   next_inode_++, mode, 0, 0, 1, 0, content.size(), 0, 0, major, minor, path.size() + 1, 0);
    bytes_.append(path).push_back('\0');
    pad(bytes_);
    bytes_.append(content);
    pad(bytes_);
}

std::string CpioArchive::finish() &&
{
    add("TRAILER!!!", 0, 0, 0, {});
    return std::move(bytes_);
}

} // namespace gm::appliance
