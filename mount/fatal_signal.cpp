// SPDX-License-Identifier: GPL-2.0-or-later
#include "mount/fatal_signal.hpp"

#include "core/base/syscall.hpp"

#include <csignal>
#include <cstdlib>

namespace gm::mount {

bool fatal_signal_pending(pid_t thread)
{
    const auto status = read_file(fmt::format("/proc/{}/status", thread));
    if (!status.ok()) {
        return false;
    }
    for (const std::string_view field : {"\nSigPnd:\t", "\nShdPnd:\t"}) {
        const auto at = status->find(field);
        if (at == std::string::npos) {
            continue;
        }
        const auto pending = std::strtoull(status->c_str() + at + field.size(), nullptr, 16);
        if ((pending & 1ULL << (SIGKILL - 1)) != 0) {
            return true;
        }
    }
    return false;
}

} // namespace gm::mount
