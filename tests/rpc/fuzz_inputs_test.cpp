// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/rpc/frame.hpp"
#include "core/rpc/procedures.hpp"
#include "tests/fuzz/targets.hpp"
#include "tests/support/scratch.hpp"

#include <doctest/doctest.h>
#include <filesystem>
#include <random>

using namespace gm::test;

namespace {

template <typename Target>
std::size_t replay(const char* folder, Target target)
{
    std::size_t count = 0;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
        INFO(entry.path().string());
        const std::string input = content_of(entry.path().string());
        target(std::as_bytes(std::span(input)));
        ++count;
    }
    return count;
}

} // namespace

TEST_SUITE("rpc")
{
    // The targets abort when a promise is broken.
    TEST_CASE("inputs that once broke a parser of foreign bytes are refused or accepted as they should be")
    {
        CHECK(replay(GM_TEST_FUZZ_INPUTS "/codec_inputs", fuzz_codec) > 0);
        CHECK(replay(GM_TEST_FUZZ_INPUTS "/frame_inputs", fuzz_frames) > 0);
        CHECK(replay(GM_TEST_FUZZ_INPUTS "/frame_inputs", fuzz_answers) > 0);
        CHECK(replay(GM_TEST_FUZZ_INPUTS "/guest_files_inputs", fuzz_guest_files) > 0);
        CHECK(replay(GM_TEST_FUZZ_INPUTS "/luks_header_inputs", fuzz_luks_header) > 0);
    }

    TEST_CASE("random bytes are never more than refused by the codec")
    {
        std::mt19937_64 random(1);
        for (const auto& procedure : gm::rpc::Procedures::info) {
            for (int round = 0; round < 300; ++round) {
                std::string input(2 + random() % 120, '\0');
                for (auto& byte : input) {
                    // Mostly small numbers: large ones are refused as counts right away.
                    byte = static_cast<char>(random() % 4 == 0 ? random() : random() % 3);
                }
                input[0] = static_cast<char>(procedure.id);
                input[1] = static_cast<char>(static_cast<unsigned>(procedure.id) >> 8U);
                fuzz_codec(std::as_bytes(std::span(input)));
            }
        }
    }
}
