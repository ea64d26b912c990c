// SPDX-License-Identifier: GPL-2.0-or-later
//
// Runs a program to its end as a person at a shell would: only the program itself is waited for, not what it leaves in
// the background. Blocks; any thread.
#pragma once

#include "core/base/clock.hpp"
#include "core/base/subprocess.hpp"

#include <string>
#include <vector>

namespace gm::test {

struct Outcome {
    ExitStatus status;
    bool timed_out = false; // then it was killed
    std::string output;
    std::string error_output;
    Millis took{0};

    [[nodiscard]] bool success() const { return !timed_out && status.success(); }
    // How it ended and all it wrote, for a failure message.
    [[nodiscard]] std::string text() const;
};

Outcome run(const std::vector<std::string>& argv, Millis timeout = Millis{60'000},
            const std::vector<std::string>& extra_environment = {});

// run(), and the test case ends as failed unless the program succeeds. Answers its standard output.
std::string must_run(const std::vector<std::string>& argv, Millis timeout = Millis{60'000});

// The lines of a text, without their ends; a last one without "\n" counts.
std::vector<std::string> lines(const std::string& text);

} // namespace gm::test
