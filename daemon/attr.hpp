// SPDX-License-Identifier: LGPL-2.1-or-later
//
// From statx(2) to what the host is told. The host knows a file system by a small number, 0 for that of the guest's
// root, so that inode numbers of different file systems can be kept apart. Any thread.
#pragma once

#include "core/base/error.hpp"
#include "core/base/guarded.hpp"
#include "core/rpc/types.hpp"
#include "daemon/node_table.hpp"

#include <sys/stat.h>
#include <vector>

namespace gm::daemon {

std::uint64_t device_of(const struct statx& status);
ObjectIdentity identity_of(const struct statx& status);

// statx(2) with everything an Attr and an ObjectIdentity need. `leaf` "" asks for `fd` itself; links are not followed.
Result<struct statx> status_of(int fd, const char* leaf = "");

class FilesystemNumbers {
public:
    // Forgets all numbers; this device is 0 from now on.
    void start_with(std::uint64_t root_device);
    std::uint32_t number_of(std::uint64_t device);

private:
    Guarded<std::vector<std::uint64_t>> devices_; // index is the number; level: leaf
};

// Whether the file system tells which objects are immutable or append-only.
bool tells_fixed(const struct statx& status);

rpc::Attr to_attr(const struct statx& status, std::uint32_t filesystem);

} // namespace gm::daemon
