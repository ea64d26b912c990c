// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Tells a disk image's format by its first bytes, once, so that it can be named to qemu: qemu left to itself would look
// again at each start, when the guest may have written another format's header into a raw disk. Pure; any thread.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace gm {

inline constexpr std::size_t kFormatHeadSize = 4096; // what image_format() wants to see

// qemu's name of the format; "raw" for everything that is no image format (LUKS and the like are the guest's business).
std::string image_format(std::span<const std::byte> head);

// The end of Apple's disk images, which have nothing at their start. Any raw disk may end like that: to be believed of
// a file that is called so.
constexpr std::size_t kDmgTrailerSize = 512;
bool has_dmg_trailer(std::span<const std::byte> tail);

// Why qemu does not write an image of this format that starts like this; nothing: it does.
std::string why_never_written(std::string_view format, std::span<const std::byte> head);

} // namespace gm
