// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What the guest's kernel says while something is tried: the reason behind an EINVAL. One thread.
#pragma once

#include "core/base/unique_fd.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace gm::daemon {

// The text of one record of /dev/kmsg, without its prefix and its continuation lines.
std::string_view kernel_record_text(std::string_view record);

class KernelLog {
public:
    // Hears what is logged from now on; nothing at all where there is no /dev/kmsg.
    KernelLog();

    // The lines since then, oldest first, at most the last `most`.
    std::vector<std::string> lines(std::size_t most);

private:
    UniqueFd fd_;
};

} // namespace gm::daemon
