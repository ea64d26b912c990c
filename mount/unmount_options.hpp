// SPDX-License-Identifier: GPL-2.0-or-later
//
// The command line of guestunmount as a value. As for options.hpp.
#pragma once

#include "core/base/error.hpp"

#include <optional>
#include <string>
#include <vector>

namespace gm::mount {

struct UnmountOptions {
    enum class Action { unmount, help, version };
    Action action = Action::unmount;
    std::string mountpoint;
    std::optional<int> wait_fd; // unmount once the other end of this pipe is closed
    unsigned retries = 5;
    bool quiet = false;
    bool verbose = false;

    static Result<UnmountOptions> parse(std::vector<std::string> arguments);
};

std::string unmount_help_text();

} // namespace gm::mount
