// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The disks of a running virtual machine, offered to this process by qemu's NBD server: the bytes that the guest sees,
// through overlays and image formats, without passing through the guest. Any thread.
#pragma once

#include "core/base/unique_fd.hpp"
#include "core/launch/qmp.hpp"

#include <vector>

namespace gm {

// Starts the server and connects `connections` sockets to it. The server's own socket lies in a private folder that is
// gone when this returns, so nobody else can connect and nothing is left behind. Once per qemu.
Result<std::vector<UniqueFd>> connect_block_exports(launch::Qmp& qmp, unsigned disks, unsigned connections,
                                                    Deadline deadline);

} // namespace gm
