// SPDX-License-Identifier: GPL-2.0-or-later
#include "mount/inode_table.hpp"

#include <doctest/doctest.h>
#include <map>

using namespace gm;
using namespace gm::mount;
using rpc::NodeId;

namespace {

rpc::Attr attr(std::uint64_t ino, std::uint32_t type = S_IFREG, std::int64_t born = 1)
{
    rpc::Attr result;
    result.ino = ino;
    result.mode = type | 0644;
    result.nlink = 1;
    result.btime = {born, 0};
    return result;
}

struct Fixture {
    std::map<NodeId, std::uint64_t> given_back;
    InodeTable table{attr(2, S_IFDIR), [this](NodeId node, std::uint64_t count, bool) { given_back[node] += count; }};
    InodePtr root = table.get(InodeId::root);

    // As a lookup of the kernel.
    InodePtr see(const std::string& leaf, const rpc::Attr& seen, NodeId node = NodeId::none)
    {
        auto ref = table.intern({root, leaf}, seen, node);
        auto inode = ref.inode();
        ref.leak();
        return inode;
    }
};

} // namespace

TEST_SUITE("unit")
{
    TEST_CASE("two names of one object are one inode")
    {
        Fixture f;
        const auto a = f.see("a", attr(10));
        CHECK(f.see("b", attr(10)) == a);
        CHECK(f.see("c", attr(11)) != a);
        CHECK(f.see("d", attr(10, S_IFREG, 2)) != a);
        CHECK(f.see("e", attr(10, S_IFDIR)) != a);
    }

    TEST_CASE("an inode is known until every lookup is forgotten")
    {
        Fixture f;
        const auto id = f.see("a", attr(10))->id;
        f.see("a", attr(10));
        f.table.forget(id, 1);
        CHECK(f.table.get(id));
        f.table.forget(id, 1);
        CHECK_FALSE(f.table.get(id));
        CHECK(f.see("a", attr(10))->id != id);
    }

    TEST_CASE("a lookup that did not reach the kernel is not counted")
    {
        Fixture f;
        InodeId id{};
        {
            const auto ref = f.table.intern({f.root, "a"}, attr(10), NodeId::none);
            id = ref.inode()->id;
        }
        CHECK_FALSE(f.table.get(id));
    }

    TEST_CASE("a node's references go back to the daemon with the inode")
    {
        Fixture f;
        auto folder = f.see("a", attr(10, S_IFDIR), NodeId{7});
        f.see("a", attr(10, S_IFDIR), NodeId{7});
        CHECK(f.table.pin(*folder).target == rpc::Target{NodeId{7}, ""});
        f.table.forget(folder->id, 2);
        CHECK(f.given_back.empty()); // somebody still uses it
        folder.reset();
        CHECK(f.given_back == std::map<NodeId, std::uint64_t>{{NodeId{7}, 2}});
    }

    TEST_CASE("an inode without a node is named by its folder")
    {
        Fixture f;
        const auto a = f.see("a", attr(10));
        CHECK(f.table.pin(*a).target == rpc::Target{NodeId::root, "a"});
        f.table.name_moved({f.root, "a"}, {f.root, "b"}, NodeId{9}, attr(10));
        CHECK(f.table.pin(*a).target == rpc::Target{NodeId::root, "b"});
        CHECK(f.given_back[NodeId{9}] == 1);
    }

    TEST_CASE("an inode that lost its name is meant by its node, and a new object with its number is another")
    {
        Fixture f;
        const auto a = f.see("a", attr(10));
        auto removed = attr(10);
        removed.nlink = 0;
        CHECK(f.table.name_removed({f.root, "a"}, NodeId{9}, removed) == a);
        CHECK(f.table.pin(*a).target == rpc::Target{NodeId{9}, ""});
        CHECK(f.see("a", attr(10)) != a);
    }

    TEST_CASE("an object that the kernel does not know gives its node back when it is removed")
    {
        Fixture f;
        CHECK_FALSE(f.table.name_removed({f.root, "a"}, NodeId{9}, attr(10)));
        CHECK(f.given_back[NodeId{9}] == 1);
    }

    TEST_CASE("two objects change places")
    {
        Fixture f;
        const auto a = f.see("a", attr(10));
        const auto b = f.see("b", attr(11));
        f.table.names_exchanged({f.root, "a"}, {f.root, "b"}, {NodeId{7}, attr(10)}, {NodeId{8}, attr(11)});
        CHECK(f.table.pin(*a).target.leaf == "b");
        CHECK(f.table.pin(*b).target.leaf == "a");
    }

    TEST_CASE("an object whose number changed is found by its name")
    {
        Fixture f;
        const auto a = f.see("a", attr(10));
        CHECK(f.table.name_moved({f.root, "a"}, {f.root, "b"}, NodeId{9}, attr(99)) == a);
        CHECK(f.table.pin(*a).target.leaf == "b");
    }

    TEST_CASE("numbers of file systems below the root never meet those of the root")
    {
        InodeNumbers numbers;
        CHECK(numbers.show(0, 2) == 2);
        CHECK(numbers.show(1, 2) != 2);
        CHECK(numbers.show(1, 2) != numbers.show(2, 2));
        CHECK(numbers.show(1, 2) == numbers.show(1, 2));
        const auto huge = numbers.show(1, ~0ULL);
        CHECK(huge != ~0ULL);
        CHECK(huge == numbers.show(1, ~0ULL));
        CHECK(huge != numbers.show(2, ~0ULL));
        CHECK(numbers.show(0, 1ULL << 63 | 5) != numbers.show(0, 5));
    }
}
