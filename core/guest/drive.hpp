// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A disk as the user names it. Values; any thread.
#pragma once

#include <optional>
#include <string>

namespace gm {

struct Drive {
    std::string source;                 // local path, or URI
    std::string format;                 // as qemu names it; empty: detected
    bool read_only = false;             // the image is never changed, whatever the guest writes
    std::optional<unsigned> block_size; // logical sectors as the guest sees them: 512 or 4096

    bool operator==(const Drive&) const = default;
};

} // namespace gm
