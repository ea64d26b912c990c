// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What a symbolic link says. Any thread.
#pragma once

#include "core/base/syscall.hpp"

#include <array>
#include <climits>
#include <string>
#include <unistd.h>

namespace gm::daemon {

// `leaf` "" reads the link that `fd` itself is (O_PATH). `size` is st_size where known: few links need a second call.
inline Result<std::string> read_link_target(int fd, const char* leaf, std::size_t size = 0)
{
    // Some file systems report a size of 0 or of another encoding; then a page is what a target can at most be.
    std::string target(size > 0 && size < PATH_MAX ? size + 1 : PATH_MAX, '\0');
    while (true) {
        const auto got = GM_TRY(sys([&] { return ::readlinkat(fd, leaf, target.data(), target.size()); }, "readlink"));
        const auto length = static_cast<std::size_t>(got);
        if (length < target.size() || target.size() >= PATH_MAX) {
            target.resize(length);
            return target;
        }
        target.resize(PATH_MAX);
    }
}

} // namespace gm::daemon
