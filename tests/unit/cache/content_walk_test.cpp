// SPDX-License-Identifier: GPL-2.0-or-later
#include "cache/content_walk.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>

using namespace gm::cache;
using namespace gm;

namespace {

constexpr std::uint64_t kSmall = 128 << 10;
const Key kFolder{.ino = 1};

rpc::DirEntry entry(std::uint64_t number, std::uint64_t size, std::uint32_t type = S_IFREG)
{
    return {.name = fmt::format("f{}", number),
            .next_offset = number,
            .ino = 100 + number,
            .attr = rpc::Attr{.ino = 100 + number, .mode = type, .size = size}};
}

ContentWalk::Pages pages(std::vector<rpc::DirEntry> entries, bool end = true)
{
    return {std::make_shared<const FolderPage>(kFolder, nullptr, 0, Epoch{}, std::move(entries), end)};
}

Key file(std::uint64_t number)
{
    return {.ino = 100 + number};
}

std::vector<std::uint64_t> numbers(const ContentWalk::Plan& plan)
{
    std::vector<std::uint64_t> all;
    for (const auto& read : plan.read) {
        all.push_back(read.attr().ino - 100);
    }
    return all;
}

using Numbers = std::vector<std::uint64_t>;
const auto kReady = [](const Key&) { return ContentWalk::Ready::yes; };

} // namespace

TEST_CASE("the second file of a folder tells that others follow")
{
    ContentWalk walk{16 << 20, kSmall};
    CHECK_FALSE(walk.on_file(kFolder, file(1)));
    CHECK_FALSE(walk.across_folders());
    CHECK(walk.on_file(kFolder, file(2)));
    CHECK_FALSE(walk.on_file({.ino = 2}, {.ino = 500}));
    CHECK(walk.across_folders());
}

TEST_CASE("small regular files behind the one being read are planned once, then those before it")
{
    ContentWalk walk{16 << 20, kSmall};
    const auto all = pages({entry(1, 10), entry(2, 10), entry(3, 10), entry(4, 0), entry(5, kSmall + 1),
                            entry(6, 10, S_IFDIR), entry(7, kSmall), entry(8, 10)});
    walk.on_file(kFolder, file(2));
    CHECK(numbers(walk.plan(kFolder, all, "f2", kReady)) == Numbers{3, 7, 8, 1});
    CHECK(numbers(walk.plan(kFolder, all, "f2", kReady)).empty());
}

TEST_CASE("files that have been read already are not planned")
{
    ContentWalk walk{16 << 20, kSmall};
    walk.on_file(kFolder, file(3));
    walk.on_file(kFolder, file(1));
    CHECK(numbers(walk.plan(kFolder, pages({entry(1, 10), entry(2, 10), entry(3, 10)}), "f1", kReady)) == Numbers{2});
}

TEST_CASE("no more bytes are ahead than allowed, and reading makes room")
{
    ContentWalk walk{30, kSmall};
    const auto all = pages({entry(1, 10), entry(2, 10), entry(3, 10), entry(4, 10), entry(5, 10)});
    walk.on_file(kFolder, file(1));
    CHECK(walk.hungry());
    CHECK(numbers(walk.plan(kFolder, all, "f1", kReady)) == Numbers{2, 3, 4});
    CHECK_FALSE(walk.hungry());
    CHECK(numbers(walk.plan(kFolder, all, "f1", kReady)).empty());
    walk.on_file(kFolder, file(2));
    CHECK(numbers(walk.plan(kFolder, all, "f1", kReady)) == Numbers{5});
}

TEST_CASE("files read ahead in vain do not stop it for ever")
{
    ContentWalk walk{10, kSmall};
    const auto all = pages({entry(1, 10), entry(2, 10), entry(3, 10)});
    walk.on_file(kFolder, file(1));
    REQUIRE(numbers(walk.plan(kFolder, all, "f1", kReady)) == Numbers{2});
    for (std::uint64_t i = 0; i <= ContentWalk::kPatience; ++i) {
        walk.on_file({.ino = 77}, {.ino = 10'000 + i});
    }
    CHECK(walk.hungry());
}

TEST_CASE("the plan stops at a file of which nothing is known and goes on there later")
{
    ContentWalk walk{16 << 20, kSmall};
    const auto all = pages({entry(1, 10), entry(2, 10), entry(3, 10)});
    walk.on_file(kFolder, file(1));
    const auto plan = walk.plan(kFolder, all, "f1", [](const Key& key) {
        return key == file(3) ? ContentWalk::Ready::unknown : ContentWalk::Ready::yes;
    });
    CHECK(numbers(plan) == Numbers{2});
    REQUIRE(plan.undecided);
    CHECK(plan.undecided->index == 2);
    CHECK(numbers(walk.plan(kFolder, all, "f1", kReady)) == Numbers{3});
}

TEST_CASE("a folder of which more pages will come is not begun from the front again")
{
    ContentWalk walk{16 << 20, kSmall};
    const auto first = pages({entry(1, 10), entry(2, 10)}, false);
    walk.on_file(kFolder, file(2));
    CHECK(numbers(walk.plan(kFolder, first, "f2", kReady)).empty());
    auto both = first;
    both.push_back(std::make_shared<const FolderPage>(kFolder, nullptr, 2, Epoch{}, std::vector{entry(3, 10)}, true));
    CHECK(numbers(walk.plan(kFolder, both, "f2", kReady)) == Numbers{3, 1});
}
