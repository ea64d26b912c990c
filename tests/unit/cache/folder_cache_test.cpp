// SPDX-License-Identifier: GPL-2.0-or-later
#include "cache/folder_cache.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>

using namespace gm::cache;
using namespace gm;

namespace {

const Key kFolder{.ino = 1};

rpc::DirEntry entry(std::uint64_t number)
{
    return {.name = fmt::format("f{}", number),
            .next_offset = number,
            .ino = 100 + number,
            .attr = rpc::Attr{.ino = 100 + number, .mode = S_IFREG}};
}

// The entries first+1 ... last of a folder of 1000.
std::shared_ptr<const FolderPage> page(std::uint64_t first, std::uint64_t last, Epoch seen = Epoch{})
{
    std::vector<rpc::DirEntry> entries;
    for (auto i = first + 1; i <= last; ++i) {
        entries.push_back(entry(i));
    }
    return std::make_shared<const FolderPage>(kFolder, nullptr, first, seen, std::move(entries), last == 1000);
}

struct Fixture {
    Budget budget{512 << 10};
    Changes changes;
    FolderCache cache{budget, changes};
};

} // namespace

TEST_CASE("a reader goes on in the middle of a page and at the beginning of the next")
{
    Fixture f;
    f.cache.put(page(0, 10));
    f.cache.put(page(10, 20));
    CHECK(f.cache.find(kFolder, 0)->first == 0);
    CHECK(f.cache.find(kFolder, 3)->page->entries()[f.cache.find(kFolder, 3)->first].name == "f4");
    CHECK(f.cache.find(kFolder, 10)->page->offset() == 10);
    CHECK_FALSE(f.cache.find(kFolder, 20)); // not here yet
    CHECK_FALSE(f.cache.find(kFolder, 500));
    CHECK_FALSE(f.cache.find({.ino = 2}, 0));
}

TEST_CASE("behind the last entry of a folder there is its end")
{
    Fixture f;
    f.cache.put(page(990, 1000));
    const auto view = f.cache.find(kFolder, 1000);
    REQUIRE(view);
    CHECK(view->first == view->page->entries().size());
}

TEST_CASE("offsets that do not ascend are found too")
{
    Fixture f;
    std::vector<rpc::DirEntry> entries{entry(9), entry(4), entry(7)};
    f.cache.put(std::make_shared<const FolderPage>(kFolder, nullptr, 0, Epoch{}, std::move(entries), true));
    CHECK(f.cache.find(kFolder, 9)->first == 1);
    CHECK(f.cache.find(kFolder, 4)->first == 2);
}

TEST_CASE("a change of names makes the folder's pages untrue, and one under way keeps them out")
{
    Fixture f;
    f.cache.put(page(0, 10));
    f.changes.note(kFolder, kAttrs);
    CHECK(f.cache.find(kFolder, 0));
    {
        const auto change = f.changes.begin({{kFolder, kNames}});
        CHECK_FALSE(f.cache.find(kFolder, 0));
        f.cache.put(page(0, 10, f.changes.now()));
    }
    CHECK_FALSE(f.cache.find(kFolder, 0));
    CHECK_FALSE(f.cache.find(kFolder, "f1"));
    CHECK(f.cache.pages(kFolder).empty());
    f.cache.put(page(0, 10, f.changes.now()));
    CHECK(f.cache.find(kFolder, 0));
}

TEST_CASE("changed attributes of an entry are not given out to who begins to read")
{
    Fixture f;
    f.cache.put(page(0, 10));
    f.changes.note({.ino = 105}, kAttrs);
    CHECK_FALSE(f.cache.find(kFolder, 0));
    CHECK(f.cache.find(kFolder, 4));
    CHECK(f.cache.find(kFolder, 5));
    CHECK_FALSE(f.cache.find(kFolder, "f5"));
    CHECK(f.cache.find(kFolder, "f4"));
    CHECK(f.cache.pages(kFolder).size() == 1); // its names are true
}

TEST_CASE("who goes on in a folder whose names changed finds its page, but none once a newer one came")
{
    Fixture f;
    f.cache.put(page(0, 10));
    f.cache.put(page(10, 20));
    f.changes.note(kFolder, kNames);
    CHECK_FALSE(f.cache.find(kFolder, 0));
    CHECK(f.cache.find(kFolder, 10));
    SUBCASE("that is true")
    {
        f.cache.put(page(0, 10, f.changes.now()));
        CHECK(f.cache.find(kFolder, 0));
    }
    SUBCASE("that was overtaken by another change")
    {
        const auto seen = f.changes.now();
        f.changes.note(kFolder, kNames);
        f.cache.put(page(0, 10, seen));
        CHECK_FALSE(f.cache.find(kFolder, 0));
    }
    CHECK_FALSE(f.cache.find(kFolder, 15));
}

TEST_CASE("of a huge folder only the last pages are kept")
{
    Fixture f;
    for (std::uint64_t at = 0; at < 1000; at += 100) {
        f.cache.put(page(at, at + 100));
    }
    CHECK(f.cache.find(kFolder, 950));
    CHECK_FALSE(f.cache.find(kFolder, 0));
    CHECK(f.budget.used() <= f.budget.limit() / 4 + 1000);
}

TEST_CASE("a page goes into the budget with about the memory it takes")
{
    const auto one = page(0, 100);
    CHECK(one->cost() >= 100 * sizeof(rpc::DirEntry));
    CHECK(one->cost() < 100 * (sizeof(rpc::DirEntry) + 100) + 1000);
}
