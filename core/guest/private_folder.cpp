// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/guest/private_folder.hpp"

#include <cstdlib>

namespace gm {

Result<TempDir> private_folder()
{
    for (const char* variable : {"XDG_RUNTIME_DIR", "LIBGUESTFS_TMPDIR", "TMPDIR"}) {
        if (const char* parent = std::getenv(variable); parent != nullptr && *parent != '\0') {
            if (auto folder = TempDir::make(parent, "guestmount-"); folder) {
                return folder;
            }
        }
    }
    return TempDir::make("/tmp", "guestmount-");
}

} // namespace gm
