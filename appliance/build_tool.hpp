// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A program of the host that does one step of building the appliance, with its complaints kept for the error message.
// One thread; the destructor ends the program.
#pragma once

#include "core/base/clock.hpp"
#include "core/base/subprocess.hpp"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace gm::appliance {

class BuildTool {
public:
    struct Plan {
        std::vector<std::string> argv; // argv[0] is looked up in PATH and the folders of system programs
        std::string package;           // named when the program is missing
        std::string scratch_folder;    // for its messages and its temporary files
        std::optional<int> standard_input;
        std::optional<int> standard_output;
    };

    static Result<BuildTool> start(const Plan& plan);

    // Blocks until the program ends; `tick` is called about ten times a second. ENOSPC when it complained of that, EIO
    // with its last words for other failures.
    Result<void> finish(const std::function<void()>& tick, Deadline deadline);

private:
    BuildTool(std::string name, std::string log_path, Subprocess process)
        : name_(std::move(name)), log_path_(std::move(log_path)), process_(std::move(process))
    {
    }

    std::string name_;
    std::string log_path_;
    Subprocess process_;
};

} // namespace gm::appliance
