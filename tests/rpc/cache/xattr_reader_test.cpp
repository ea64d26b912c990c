// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/rpc/cache/fake_guest.hpp"

#include <doctest/doctest.h>

using namespace gm;
using namespace gm::test;

namespace {

struct Attributes : World {
    Attributes()
    {
        auto& root = guest.root();
        guest.add(root, "plain");
        guest.add(root, "tagged").xattrs = {{"user.tag", "blue"}};
        guest.add(root, "capable").xattrs = {{"security.capability", "raw"}};
        guest.add(root, "unreadable").xattrs_readable = false;
    }
    int get(const char* file, const char* name)
    {
        const auto value = xattrs.get(object(guest.root(), file), name);
        return value.ok() ? 0 : value.error().errno_value;
    }
    int calls() { return guest.count("read_xattrs"); }
};

} // namespace

TEST_CASE("the first question in a folder answers the later ones about its neighbours, also that there is none")
{
    Attributes world;
    REQUIRE(world.read_folder(world.guest.root()).ok());
    CHECK(world.get("plain", "security.capability") == ENODATA);
    CHECK(world.xattrs.get(World::object(world.guest.root(), "tagged"), "user.tag").value() == "blue");
    CHECK(world.get("capable", "user.tag") == ENODATA);
    CHECK(world.xattrs.list(World::object(world.guest.root(), "plain")).value()->all.empty());
    CHECK(world.calls() == 1);
}

TEST_CASE("without the folder's page an object is asked for alone")
{
    Attributes world;
    CHECK(world.get("plain", "user.tag") == ENODATA);
    CHECK(world.get("plain", "user.tag") == ENODATA);
    CHECK(world.calls() == 1);
    CHECK(world.get("tagged", "user.tag") == 0);
    CHECK(world.calls() == 2);
}

TEST_CASE("a change of attributes or data asks again where something could go with it")
{
    Attributes world;
    REQUIRE(world.read_folder(world.guest.root()).ok());
    const auto before = world.calls();
    CHECK(world.get("plain", "user.tag") == ENODATA);
    CHECK(world.get("tagged", "user.tag") == 0);
    const auto after = world.calls();
    CHECK(after > before);
    world.changes.note(World::object(world.guest.root(), "plain").key, kData | kAttrs);
    CHECK(world.get("plain", "user.tag") == ENODATA);
    CHECK(world.calls() == after);
    world.changes.note(World::object(world.guest.root(), "tagged").key, kXattrs);
    CHECK(world.get("tagged", "user.tag") == 0);
    CHECK(world.calls() == after + 1);
    CHECK(world.get("capable", "security.capability") == 0);
    CHECK(world.calls() == after + 1);
    world.changes.note(World::object(world.guest.root(), "capable").key, kData);
    CHECK(world.get("capable", "security.capability") == 0);
    CHECK(world.calls() == after + 2);
}

TEST_CASE("neighbours fetched under names that changed meanwhile are not believed")
{
    Attributes world;
    REQUIRE(world.read_folder(world.guest.root()).ok());
    world.guest.gate.close();
    std::jthread asker{[&] { world.get("plain", "user.tag"); }};
    world.guest.gate.wait_for(1);
    world.changes.note(World::key(world.guest.root()), kNames);
    world.guest.gate.open();
    asker.join();
    CHECK(world.get("plain", "user.tag") == ENODATA); // the one that was asked for is
    CHECK(world.calls() == 1);
    CHECK(world.get("tagged", "user.tag") == 0);
    CHECK(world.calls() == 2);
}

TEST_CASE("names of which a complete list says nothing are asked for each time")
{
    Attributes world;
    REQUIRE(world.read_folder(world.guest.root()).ok());
    CHECK(world.xattrs.get(World::object(world.guest.root(), "plain"), "system.ntfs_acl").value() ==
          "asked system.ntfs_acl");
    CHECK(world.get("plain", "system.posix_acl_access") == ENODATA);
    CHECK(world.guest.count("get_xattr") == 1);
}

TEST_CASE("what could not be read in bulk is asked for alone and fails alone")
{
    Attributes world;
    REQUIRE(world.read_folder(world.guest.root()).ok());
    CHECK(world.get("plain", "user.tag") == ENODATA);
    CHECK(world.get("unreadable", "user.tag") == EIO);
    CHECK(world.get("tagged", "user.tag") == 0);
}

TEST_CASE("a walk that asks for attributes finds those of the next folders there")
{
    World world;
    for (int i = 0; i < 30; ++i) {
        auto& folder = world.guest.add(world.guest.root(), fmt::format("d{}", i), S_IFDIR);
        world.guest.add(folder, "a");
        world.guest.add(folder, "b");
    }
    const auto root = world.read_folder(world.guest.root()).take_value();
    for (const auto& entry : root.page->entries()) {
        const auto view =
            world.folders.read(Key::of(*entry.attr), {root.page->node()->node(), entry.name}, 0).take_value();
        for (const auto& file : view.page->entries()) {
            const Object object{
                Key::of(*file.attr), {view.page->node()->node(), file.name}, Key::of(*entry.attr), file.name};
            CHECK(world.xattrs.list(object).ok());
        }
    }
    CHECK(world.counters.xattrs.hits + world.counters.xattrs.misses == 60);
    CHECK(world.guest.count("read_xattrs") <= 32); // one a folder, not one a file
}
