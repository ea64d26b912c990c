// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The metadata of an empty qcow2 image, to be laid over a disk that must not change. Written here rather than by qemu's
// blockdev-create job, which costs several round trips a disk. Pure; any thread.
#pragma once

#include <cstdint>
#include <string>

namespace gm {

// The first bytes of the file; what follows is allocated by qemu. `virtual_size` is in bytes, a multiple of 512.
std::string empty_qcow2(std::uint64_t virtual_size);

} // namespace gm
