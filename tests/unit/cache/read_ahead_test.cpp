// SPDX-License-Identifier: GPL-2.0-or-later
#include "cache/read_ahead.hpp"

#include <algorithm>
#include <doctest/doctest.h>

using namespace gm::cache;

namespace {

constexpr Key kFile{.ino = 1};
constexpr std::uint64_t kRead = 128 << 10;

} // namespace

TEST_CASE("a stream is read ahead in growing windows, each byte once")
{
    ReadAhead streams;
    std::uint64_t fetched = 0;
    std::uint64_t largest = 0;
    for (std::uint64_t at = 0; at < 64 << 20; at += kRead) {
        const auto advice = streams.on_read(kFile, at, kRead);
        CHECK(advice.stream);
        if (advice.from != advice.to) {
            CHECK(advice.from == std::max(fetched, at + kRead));
            fetched = advice.to;
        }
        CHECK(fetched >= at + kRead);
        largest = std::max(largest, fetched - (at + kRead));
    }
    CHECK(largest == ReadAhead::kMaxWindow);
}

TEST_CASE("random reads are no stream and fetch nothing")
{
    ReadAhead streams;
    std::uint64_t at = 4096;
    for (int i = 0; i < 1000; ++i) {
        at = (at * 6'364'136'223'846'793'005 + 1'442'695'040'888'963'407) % (1 << 30);
        const auto advice = streams.on_read(kFile, at & ~4095ULL, 4096);
        CHECK_FALSE(advice.stream);
        CHECK(advice.from == advice.to);
    }
}

TEST_CASE("a continuation in the middle of a file becomes a stream, and a jump ends it")
{
    ReadAhead streams;
    CHECK_FALSE(streams.on_read(kFile, 10 << 20, kRead).stream);
    CHECK(streams.on_read(kFile, (10 << 20) + kRead, kRead).stream);
    CHECK_FALSE(streams.on_read(kFile, 50 << 20, kRead).stream);
    CHECK_FALSE(streams.on_read(kFile, 10 << 20, kRead).stream);
    CHECK(streams.on_read(kFile, 0, kRead).stream);
}

TEST_CASE("reads of a stream that overtake each other stay a stream")
{
    ReadAhead streams;
    streams.on_read(kFile, 0, kRead);
    CHECK(streams.on_read(kFile, 2 * kRead, kRead).stream);
    CHECK(streams.on_read(kFile, kRead, kRead).stream);
    CHECK(streams.on_read(kFile, 3 * kRead, kRead).stream);
}

TEST_CASE("streams of several files do not disturb each other, and the memory is bounded")
{
    ReadAhead streams;
    for (std::uint64_t at = 0; at < 10 * kRead; at += kRead) {
        for (std::uint64_t file = 1; file <= 8; ++file) {
            CHECK(streams.on_read({.ino = file}, at, kRead).stream);
        }
    }
    for (std::uint64_t file = 100; file < 100 + ReadAhead::kMaxFiles; ++file) {
        streams.on_read({.ino = file}, 0, kRead);
    }
    CHECK_FALSE(streams.on_read(kFile, 10 * kRead, kRead).stream); // forgotten
}
