// SPDX-License-Identifier: GPL-2.0-or-later
//
// The same random calls on two folders, compared after each call and as trees at the end. A difference is shrunk to a
// short sequence that still shows one. Blocks; one thread.
#pragma once

#include "tests/differential/operation.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace gm::test {

struct DifferentialOptions {
    std::string folder_a; // what is tested
    std::string folder_b; // what is right
    std::uint64_t seed = 1;
    std::size_t calls = 20'000;
    std::size_t calls_a_round = 500; // each round begins with an empty folder, so that a difference is near its cause
    bool shrink = true;
    bool folder_sizes = true; // compare them
};

// Nothing when there is no difference; else the seed, the shortest sequence found and how the answers differ.
std::optional<std::string> first_difference(const DifferentialOptions& options);

} // namespace gm::test
