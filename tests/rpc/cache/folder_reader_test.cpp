// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/rpc/cache/fake_guest.hpp"

#include <doctest/doctest.h>
#include <future>

using namespace gm;
using namespace gm::test;

namespace {

// Folders d0 ... with two files each.
void grow(World& world, FakeFile& folder, unsigned count)
{
    for (unsigned i = 0; i < count; ++i) {
        auto& child = world.guest.add(folder, fmt::format("d{}", i), S_IFDIR);
        world.guest.add(child, "a");
        world.guest.add(child, "b");
    }
}

} // namespace

TEST_CASE("a folder is read once and its entries come from the cache afterwards")
{
    World world;
    world.guest.add(world.guest.root(), "a");
    const auto first = world.read_folder(world.guest.root());
    REQUIRE(first.ok());
    CHECK(first->page->entries()[0].name == "a");
    CHECK(world.read_folder(world.guest.root()).ok());
    CHECK(world.guest.count("read_dir") == 1);
    CHECK(world.counters.folders.hits == 1);
    CHECK(world.counters.folders.misses == 1);
}

TEST_CASE("readers that need the same page wait for one call")
{
    World world;
    world.guest.add(world.guest.root(), "a");
    world.guest.gate.close();
    std::vector<std::future<bool>> readers;
    for (int i = 0; i < 4; ++i) {
        readers.push_back(std::async(std::launch::async, [&] { return world.read_folder(world.guest.root()).ok(); }));
    }
    while (world.counters.folders.misses < 4) {
        std::this_thread::yield();
    }
    world.guest.gate.open();
    for (auto& reader : readers) {
        CHECK(reader.get());
    }
    CHECK(world.guest.count("read_dir") == 1);
}

TEST_CASE("who waits for a folder that was fetched ahead by a name it has no longer gets it by the name it has")
{
    World world;
    auto& before = world.guest.add(world.guest.root(), "before", S_IFDIR);
    world.guest.add(before, "inner");
    auto& folder = world.guest.add(world.guest.root(), "folder", S_IFDIR);
    world.guest.add(folder, "inner");
    std::promise<void> fetched_ahead;
    world.guest.on_list = [&, first = true](const rpc::Target& target) mutable {
        if (target.leaf == "folder" && std::exchange(first, false)) {
            fetched_ahead.set_value();
            while (world.counters.folders.misses < 3) {
                std::this_thread::yield();
            }
            // Moved meanwhile, as the mount notes it.
            static_cast<void>(world.changes.begin({{World::key(world.guest.root()), kNames}}));
        }
    };
    const auto root = world.read_folder(world.guest.root()).take_value();
    REQUIRE(world.folders.read(World::key(before), {root.page->node()->node(), "before"}, 0).ok());
    REQUIRE(fetched_ahead.get_future().wait_for(std::chrono::seconds{20}) == std::future_status::ready);
    const auto page = world.folders.read(World::key(folder), {root.page->node()->node(), "folder"}, 0);
    REQUIRE(page.ok());
    CHECK(page->page->entries()[0].name == "inner");
    CHECK(world.guest.count("read_dir") == 4);
}

TEST_CASE("a walk finds the folders that come next already there")
{
    World world;
    grow(world, world.guest.root(), 40);
    const auto walk = [&] {
        const auto root = world.read_folder(world.guest.root()).take_value();
        for (const auto& entry : root.page->entries()) {
            const rpc::Target named{root.page->node()->node(), entry.name};
            const auto page = world.folders.read(Key::of(*entry.attr), named, 0);
            REQUIRE(page.ok());
            CHECK(page->page->entries().size() == 2);
        }
    };
    walk();
    CHECK(world.counters.folders_ahead > 30);
    CHECK(world.guest.count("read_dir") == 41);
    const auto calls = world.link.calls_begun();
    walk();
    CHECK(world.link.calls_begun() == calls);
}

TEST_CASE("a change of a folder's names while its page is on the way keeps that page out of the cache")
{
    World world;
    world.guest.add(world.guest.root(), "a");
    world.guest.gate.close();
    auto reader = std::async(std::launch::async, [&] { return world.read_folder(world.guest.root()).ok(); });
    world.guest.gate.wait_for(1);
    world.changes.note(World::key(world.guest.root()), kNames);
    SUBCASE("and out of the hands of whoever comes after the change")
    {
        auto later = std::async(std::launch::async, [&] { return world.read_folder(world.guest.root()).ok(); });
        world.guest.gate.wait_for(2);
        world.guest.gate.open();
        CHECK(later.get());
    }
    world.guest.gate.open();
    CHECK(reader.get());
    CHECK(world.read_folder(world.guest.root()).ok());
    CHECK(world.guest.count("read_dir") == 2);
}

TEST_CASE("a folder fetched ahead under a name that was taken away meanwhile is not believed")
{
    World world;
    grow(world, world.guest.root(), 3);
    const auto root = world.read_folder(world.guest.root()).take_value();
    const auto& entries = root.page->entries();
    world.guest.gate.close();
    auto reader = std::async(std::launch::async, [&] {
        return world.folders.read(Key::of(*entries[0].attr), {root.page->node()->node(), entries[0].name}, 0).ok();
    });
    world.guest.gate.wait_for(3); // d0, and d1 and d2 ahead
    world.changes.note(World::key(world.guest.root()), kNames);
    world.guest.gate.open();
    CHECK(reader.get());
    while (world.folders.walking() && world.forgotten < 2) { // both pages are dropped, with their nodes
        std::this_thread::yield();
    }
    CHECK(world.counters.folders_ahead == 0);
}

TEST_CASE("the next page of a large folder is fetched ahead")
{
    World world;
    world.guest.page_entries = 10;
    for (int i = 0; i < 30; ++i) {
        world.guest.add(world.guest.root(), fmt::format("f{}", i));
    }
    std::size_t seen = 0;
    for (std::uint64_t at = 0;;) {
        const auto view = world.read_folder(world.guest.root(), at).take_value();
        seen += view.page->entries().size() - view.first;
        at = view.page->next_offset();
        if (view.page->end()) {
            break;
        }
    }
    CHECK(seen == 30);
    CHECK(world.guest.count("read_dir") == 3);
    CHECK(world.counters.folders_ahead == 2);
}

TEST_CASE("every node that a page brought is given back once, when nobody uses the page any more")
{
    World world;
    world.guest.add(world.guest.root(), "a");
    {
        const auto root = world.read_folder(world.guest.root()).take_value();
        world.changes.note(World::key(world.guest.root()), kNames);
        const auto again = world.read_folder(world.guest.root()).take_value();
        CHECK(again.page->node() != root.page->node());
        CHECK(world.forgotten == 0);
    }
    CHECK(world.forgotten == 1); // the second is in the cache
}

TEST_CASE("an error of the guest arrives and is not kept")
{
    World world;
    CHECK(world.folders.read({.ino = 99}, {rpc::NodeId{99}, {}}, 0).error().errno_value == ESTALE);
    CHECK(world.folders.read({.ino = 99}, {rpc::NodeId{99}, {}}, 0).error().errno_value == ESTALE);
    CHECK(world.guest.count("read_dir") == 2);
}

TEST_CASE("the reader may go while fetches are under way, and a dead link fails those who wait")
{
    World world;
    world.guest.gate.close();
    auto reader = std::async(std::launch::async, [&] { return world.read_folder(world.guest.root()); });
    world.guest.gate.wait_for(1);
    world.link.fail(make_error(ENOTCONN, "the test ends it"));
    CHECK(reader.get().error().errno_value == ENOTCONN);
    world.guest.gate.open();
}
