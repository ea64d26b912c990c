// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/fuzz/targets.hpp"

#include <cstdint>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    gm::test::fuzz_frames(std::as_bytes(std::span(data, size)));
    gm::test::fuzz_answers(std::as_bytes(std::span(data, size)));
    return 0;
}
