// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Turns a bzImage into the ELF kernel inside it, which qemu starts through PVH. Under emulation a guest needs two
// seconds to unpack itself, the host a third of one, once. Values; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gm::appliance {

struct PackedKernel {
    std::string_view payload;             // compressed; part of the image
    std::vector<std::string> unpack_argv; // reads the payload on standard input, writes the ELF image
};

// Nothing when `bz_image` is no bzImage or is packed in a way we cannot undo: then the image is used as it is.
std::optional<PackedKernel> packed_kernel(std::string_view bz_image);

} // namespace gm::appliance
