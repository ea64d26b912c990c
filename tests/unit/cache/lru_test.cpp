// SPDX-License-Identifier: GPL-2.0-or-later
#include "cache/counters.hpp"
#include "cache/lru.hpp"

#include <doctest/doctest.h>
#include <string>

using namespace gm::cache;

namespace {

std::shared_ptr<const std::string> text(const char* value)
{
    return std::make_shared<const std::string>(value);
}

constexpr std::size_t kLarge = 100'000; // next to it an item's own overhead is nothing

} // namespace

TEST_CASE("what was used least goes first, whatever map of the budget it is in")
{
    Budget budget{kLarge * 3 + 5000};
    LruMap<int, std::string> a{budget};
    LruMap<int, std::string> b{budget};
    a.put(1, text("a1"), kLarge);
    b.put(1, text("b1"), kLarge);
    a.put(2, text("a2"), kLarge);
    REQUIRE(a.get(1) != nullptr); // now b1 is the oldest
    b.put(2, text("b2"), kLarge);
    CHECK(b.get(1) == nullptr);
    CHECK(*a.get(1) == "a1");
    CHECK(*a.get(2) == "a2");
    CHECK(*b.get(2) == "b2");
    CHECK(budget.used() <= budget.limit());
}

TEST_CASE("a value that was cooled goes before older ones")
{
    Budget budget{kLarge * 2 + 5000};
    LruMap<int, std::string> map{budget};
    map.put(1, text("1"), kLarge);
    map.put(2, text("2"), kLarge);
    map.cool(2);
    map.put(3, text("3"), kLarge);
    CHECK(map.get(1) != nullptr);
    CHECK(map.get(2) == nullptr);
}

TEST_CASE("replacing, erasing and a value too large for the budget keep the sum right")
{
    Budget budget{kLarge * 2 + 5000};
    LruMap<int, std::string> map{budget};
    map.put(1, text("1"), kLarge);
    const auto one = budget.used();
    map.put(1, text("1 again"), kLarge);
    CHECK(budget.used() == one);
    CHECK(*map.get(1) == "1 again");
    map.put(2, text("huge"), budget.limit() + 1);
    CHECK(map.get(2) == nullptr);
    CHECK(map.get(1) != nullptr); // it did not push the others out
    map.erase(1);
    CHECK(budget.used() == 0);
}

TEST_CASE("a value in use outlives its eviction, and a map gives its bytes back when it goes")
{
    Budget budget{kLarge + 5000};
    {
        LruMap<int, std::string> map{budget};
        map.put(1, text("kept"), kLarge);
        const auto held = map.get(1);
        map.put(2, text("2"), kLarge);
        CHECK(map.get(1) == nullptr);
        CHECK(*held == "kept");
    }
    CHECK(budget.used() == 0);
}

TEST_CASE("the destructor of an evicted value may use the budget")
{
    struct Asks {
        Budget& budget;
        std::size_t& seen;
        ~Asks() { seen = budget.used(); }
    };
    Budget budget{kLarge + 5000};
    LruMap<int, Asks> map{budget};
    std::size_t seen = 0;
    map.put(1, std::make_shared<const Asks>(Asks{budget, seen}), kLarge);
    map.put(2, nullptr, kLarge);
    CHECK(seen != 0); // it would have hung with the lock held
}

TEST_CASE("counters are printed for a person")
{
    Counters counters;
    counters.folders.count(true);
    counters.folders.count(false);
    counters.bytes_by_extent += 3 << 20;
    CHECK(counters.text().find("folders          1 hits         1 misses") != std::string::npos);
    CHECK(counters.text().find("3.0 MiB from the image") != std::string::npos);
}
