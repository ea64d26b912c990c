// SPDX-License-Identifier: GPL-2.0-or-later
#include "cache/walk_detector.hpp"

#include <algorithm>
#include <doctest/doctest.h>

using namespace gm::cache;

namespace {

Key key(std::uint64_t ino)
{
    return {.ino = ino};
}

// Subfolder n of folder f is f * 10 + n.
std::vector<Subfolder> children(std::uint64_t folder, std::uint64_t count)
{
    std::vector<Subfolder> all;
    for (std::uint64_t i = 1; i <= count; ++i) {
        all.push_back({.key = key(folder * 10 + i), .parent = key(folder)});
    }
    return all;
}

std::vector<std::uint64_t> numbers(const std::vector<Subfolder>& folders)
{
    std::vector<std::uint64_t> all;
    for (const auto& folder : folders) {
        all.push_back(folder.key.ino);
    }
    return all;
}

void read(WalkDetector& walk, std::uint64_t folder, std::uint64_t count)
{
    walk.opened(key(folder));
    walk.listed(key(folder), children(folder, count));
}

} // namespace

TEST_CASE("one folder alone is no walk")
{
    WalkDetector walk;
    read(walk, 1, 5);
    CHECK_FALSE(walk.walking());
    CHECK(walk.take(8).empty());
    read(walk, 7, 3); // elsewhere
    CHECK(walk.take(8).empty());
}

TEST_CASE("a depth-first walk gets the children of this folder before its siblings")
{
    WalkDetector walk;
    read(walk, 1, 3);
    read(walk, 11, 2);
    CHECK(walk.walking());
    CHECK(numbers(walk.take(8)) == std::vector<std::uint64_t>{111, 112, 12, 13});
}

TEST_CASE("children of a folder fetched ahead come right behind it")
{
    WalkDetector walk;
    read(walk, 1, 3);
    read(walk, 11, 1);
    CHECK(numbers(walk.take(2)) == std::vector<std::uint64_t>{111, 12});
    walk.listed(key(12), children(12, 2));
    CHECK(numbers(walk.take(8)) == std::vector<std::uint64_t>{121, 122, 13});
    const std::vector<Key> next{key(111), key(12), key(121)};
    CHECK(walk.upcoming(3) == next);
}

TEST_CASE("a breadth-first walk is recognised by its siblings")
{
    WalkDetector walk;
    read(walk, 1, 5);
    read(walk, 11, 2);
    read(walk, 12, 2);
    read(walk, 13, 2);
    read(walk, 14, 2); // from here on children belong at the end
    read(walk, 15, 1);
    const auto order = numbers(walk.take(64));
    CHECK(std::ranges::find(order, 141) > std::ranges::find(order, 111));
    CHECK(order.back() == 151);
}

TEST_CASE("no more is ahead of the walk than allowed, and reading makes room")
{
    WalkDetector walk;
    read(walk, 1, 500);
    for (std::uint64_t i = 1; i <= 6; ++i) {
        read(walk, 10 + i, 0);
    }
    CHECK(walk.take(1000).size() == WalkDetector::kMaxAhead);
    CHECK(walk.take(1000).empty());
    read(walk, 17, 0);
    CHECK(walk.take(1000).size() == 1);
}

TEST_CASE("a walk that has just been guessed gets little")
{
    WalkDetector walk;
    read(walk, 1, 500);
    read(walk, 11, 0);
    CHECK(walk.take(1000).size() == 8);
}

TEST_CASE("folders fetched in vain do not stop the walk for ever")
{
    WalkDetector walk;
    read(walk, 1, 3000);
    for (std::uint64_t i = 1; i <= 6; ++i) {
        read(walk, 10 + i, 0);
    }
    REQUIRE(walk.take(1000).size() == WalkDetector::kMaxAhead);
    for (std::uint64_t i = 1000; i < 1000 + WalkDetector::kPatience + 1; ++i) {
        read(walk, 10 + i, 0); // the walk goes on somewhere else
    }
    CHECK_FALSE(walk.take(1000).empty());
}

TEST_CASE("what could not be fetched makes room, and the memory is bounded")
{
    WalkDetector walk;
    read(walk, 1, 3 * WalkDetector::kMaxQueue);
    for (std::uint64_t i = 1; i <= 6; ++i) {
        read(walk, 10 + i, 0);
    }
    REQUIRE(walk.take(1000).size() == WalkDetector::kMaxAhead);
    walk.give_up(key(20));
    CHECK(walk.take(1000).size() == 1);
    CHECK(walk.upcoming(1'000'000).size() == WalkDetector::kMaxAhead);
}
