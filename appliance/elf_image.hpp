// SPDX-License-Identifier: LGPL-2.1-or-later
//
// 64-bit little-endian ELF files as far as the appliance needs them: what the loader reads, and the entry for PVH.
// Values; any thread.
#pragma once

#include "core/base/error.hpp"

#include <string_view>

namespace gm::appliance {

// The front part of `elf` that holds the program headers and all that they name. Symbols, debugging data and the
// section table lie behind it; ENOEXEC when `elf` is no whole ELF image.
Result<std::string_view> loadable_part(std::string_view elf);

// Whether qemu can start this kernel directly (a note of owner Xen with the 32-bit entry point).
bool has_pvh_entry(std::string_view elf);

} // namespace gm::appliance
