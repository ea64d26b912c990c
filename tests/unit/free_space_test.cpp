// SPDX-License-Identifier: GPL-2.0-or-later
#include "mount/free_space.hpp"

#include <doctest/doctest.h>

using gm::mount::FreeSpace;

TEST_SUITE("unit")
{
    TEST_CASE("what is written unasked never exceeds half of what was free, with a reserve left")
    {
        FreeSpace space;
        CHECK(space.take(0, 1) == FreeSpace::Answer::ask);
        constexpr std::uint64_t kFree = FreeSpace::kReserve + (64 << 20);
        space.learn(0, kFree / 4096, 4096);
        std::uint64_t written = 0;
        while (space.take(0, 1 << 20) == FreeSpace::Answer::yes) {
            written += 1 << 20;
        }
        CHECK(written > 16 << 20);
        CHECK(written <= 32 << 20);
        CHECK(space.take(0, 1 << 20) == FreeSpace::Answer::ask);
        CHECK(space.take(1, 1) == FreeSpace::Answer::ask); // another file system
    }

    TEST_CASE("what others write is not there to be taken")
    {
        FreeSpace space;
        space.learn(0, 1 << 20, 4096);
        CHECK(space.take(0, 4096) == FreeSpace::Answer::yes);
        space.spent(0, FreeSpace::kMost);
        CHECK(space.take(0, 4096) == FreeSpace::Answer::ask);
    }

    TEST_CASE("an almost full file system is asked now and then only, and an absurd answer does no harm")
    {
        FreeSpace space;
        space.learn(0, 10, 4096);
        for (unsigned i = 0; i < FreeSpace::kPatience; ++i) {
            REQUIRE(space.take(0, 1) == FreeSpace::Answer::no);
        }
        CHECK(space.take(0, 1) == FreeSpace::Answer::ask);
        space.learn(0, UINT64_MAX, UINT64_MAX);
        CHECK(space.take(0, 1) == FreeSpace::Answer::yes);
        space.learn(0, 0, 0);
        CHECK(space.take(0, 1) == FreeSpace::Answer::no);
    }
}
