// SPDX-License-Identifier: GPL-2.0-or-later
#include "cache/changes.hpp"

#include <doctest/doctest.h>
#include <memory>

using namespace gm::cache;

namespace {

const Key kFile{.ino = 11};
const Key kOther{.ino = 12};

} // namespace

TEST_CASE("what was fetched before a change is no longer true, what was fetched after it is")
{
    Changes changes;
    const auto before = changes.now();
    CHECK(changes.unchanged(kFile, kEverything, before));
    changes.note(kFile, kData);
    CHECK_FALSE(changes.unchanged(kFile, kData, before));
    CHECK(changes.unchanged(kFile, kAttrs, before));
    CHECK(changes.unchanged(kOther, kEverything, before));
    CHECK_FALSE(changes.all_unchanged(before));
    CHECK(changes.unchanged(kFile, kEverything, changes.now()));
    CHECK(changes.all_unchanged(changes.now()));
}

TEST_CASE("what is fetched while a change is under way may be old or new and is never true")
{
    Changes changes;
    Epoch during{};
    {
        const auto change = changes.begin({{kFile, kData}, {kOther, kNames}});
        during = changes.now();
        CHECK_FALSE(changes.unchanged(kFile, kData, during));
        CHECK_FALSE(changes.unchanged(kOther, kNames, during));
        CHECK(changes.unchanged(kOther, kData, during));
        CHECK_FALSE(changes.all_unchanged(during));
    }
    CHECK_FALSE(changes.unchanged(kFile, kData, during));
    CHECK(changes.unchanged(kFile, kData, changes.now()));
}

TEST_CASE("of two changes of one thing under way, the first to end does not end both")
{
    Changes changes;
    auto first = std::make_unique<Changes::Scope>(changes.begin({{kFile, kData}}));
    const auto second = changes.begin({{kFile, kData}});
    first.reset();
    CHECK_FALSE(changes.unchanged(kFile, kData, changes.now()));
}

TEST_CASE("what the reply to a change told is true afterwards, unless another change came in between")
{
    Changes changes;
    auto change = changes.begin({{kFile, kAttrs}});
    SUBCASE("alone")
    {
        const auto seen = change.end();
        REQUIRE(seen.has_value());
        CHECK(changes.unchanged(kFile, kAttrs, *seen));
        changes.note(kFile, kAttrs);
        CHECK_FALSE(changes.unchanged(kFile, kAttrs, *seen));
    }
    SUBCASE("another one began and ended")
    {
        changes.note(kFile, kAttrs);
        CHECK_FALSE(change.end().has_value());
    }
    SUBCASE("another one is still under way")
    {
        auto other = changes.begin({{kFile, kAttrs}});
        CHECK_FALSE(change.end().has_value());
        CHECK_FALSE(other.end().has_value());
    }
    SUBCASE("another one of something else does not matter")
    {
        changes.note(kFile, kXattrs);
        CHECK(change.end().has_value());
    }
}

TEST_CASE("a file with changed data is unsynced until a sync that began after the change has ended well")
{
    Changes changes;
    CHECK_FALSE(changes.unsynced(kFile));
    changes.note(kFile, kAttrs);
    CHECK_FALSE(changes.unsynced(kFile));
    const auto too_early = changes.now();
    changes.note(kFile, kData);
    changes.note(kOther, kData);
    CHECK(changes.unsynced(kFile));
    changes.synced(kFile, too_early);
    changes.all_synced(too_early);
    CHECK(changes.unsynced(kFile));
    {
        const auto writing = changes.begin({{kFile, kData}});
        changes.synced(kFile, changes.now());
        CHECK(changes.unsynced(kFile));
    }
    changes.synced(kFile, changes.now());
    CHECK_FALSE(changes.unsynced(kFile));
    CHECK(changes.unsynced(kOther));
    changes.all_synced(changes.now());
    CHECK_FALSE(changes.unsynced(kOther));
}

TEST_CASE("when too many changes are remembered, all that was fetched before counts as changed")
{
    Changes changes;
    const auto before = changes.now();
    for (std::uint64_t i = 0; i <= Changes::kMaxRecords; ++i) {
        changes.note({.ino = 100 + i}, kAttrs);
    }
    CHECK_FALSE(changes.unchanged({.ino = 100}, kAttrs, before));
    CHECK_FALSE(changes.unchanged(kFile, kAttrs, before)); // nobody can tell any more
    CHECK(changes.unchanged(kFile, kAttrs, changes.now()));
}

TEST_CASE("a reused inode number is another object")
{
    Changes changes;
    const auto before = changes.now();
    changes.note({.ino = 11, .btime = {.seconds = 5}}, kEverything);
    CHECK(changes.unchanged(kFile, kEverything, before));
}
