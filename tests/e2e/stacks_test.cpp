// SPDX-License-Identifier: GPL-2.0-or-later
//
// Volume groups, RAIDs and encrypted volumes show what was put into them, and --ro does not change their disks.
#include "tests/support/guest_mount.hpp"
#include "tests/support/program.hpp"
#include "tests/support/requirements.hpp"
#include "tests/support/test_image.hpp"
#include "tests/support/tree.hpp"

#include <doctest/doctest.h>
#include <filesystem>
#include <fmt/ranges.h>

namespace {

using namespace gm::test;
using Words = std::vector<std::string>;

std::string disk(const std::string& name)
{
    return image("stacks") + "." + name;
}

Words joined(Words first, const Words& second)
{
    first.insert(first.end(), second.begin(), second.end());
    return first;
}

Words adding(const Words& disks)
{
    Words options;
    for (const auto& name : disks) {
        options.insert(options.end(), {"-a", disk(name)});
    }
    return options;
}

void require_all()
{
    require_fuse();
    require_vm();
    require_root();
}

Tree scanned(const std::string& folder)
{
    auto tree = scan_tree(folder);
    REQUIRE_MESSAGE(tree.ok(), problem(tree));
    return tree.take_value();
}

void check_content(const std::string& folder)
{
    const Scratch put_in("put-in");
    must_run({"tar", "-C", put_in.path(), "-xpf", disk("tar")});
    auto found = scanned(folder);
    found.erase("lost+found");
    const auto lines = differences(scanned(put_in.path()), found,
                                   {.folder_links = false, .inodes = false, .blocks = false, .folder_sizes = false});
    CHECK_MESSAGE(lines.empty(), fmt::format("{}", fmt::join(lines, "\n")));
}

// The device of these disks, mounted read-only with the options, holds the content, and the disks stay as they are.
void holds_the_content(const Words& disks, const std::string& device, const Words& options = {})
{
    require_all();
    CAPTURE(device);
    Words before;
    for (const auto& name : disks) {
        before.push_back(sha256(disk(name)));
    }
    {
        GuestMount mount(joined(joined(adding(disks), {"-m", device, "--ro"}), options));
        check_content(mount.path());
        mount.unmount();
    }
    for (std::size_t i = 0; i < disks.size(); ++i) {
        CHECK(sha256(disk(disks[i])) == before[i]);
    }
}

} // namespace

TEST_SUITE("e2e")
{
    TEST_CASE("a logical volume over two disks holds what was put in, by both of its names")
    {
        holds_the_content({"lvm-1", "lvm-2"}, "/dev/two-disks/linear");
        holds_the_content({"lvm-2", "lvm-1"}, "/dev/mapper/two--disks-linear");
    }

    TEST_CASE("mirrored and thin volumes are mounted together with a plain partition")
    {
        require_all();
        const GuestMount mount(
            joined(adding({"lvm-1", "lvm-2"}), {"-m", "/dev/two-disks/mirrored", "-m", "/dev/two-disks/thin:/folder",
                                                "-m", "/dev/sda1:/headers", "--ro"}));
        CHECK(content_of(mount / "hello") == "hello from the stack\n");
        check_content(mount / "folder");
        check_content(mount / "headers");
    }

    TEST_CASE("a partition of a RAID1 that lost a disk holds what was put in")
    {
        holds_the_content({"raid1"}, "/dev/md127p1");
        holds_the_content({"raid1"}, "/dev/md0p1");
    }

    TEST_CASE("what is written to logical volumes and to a degraded RAID is on the disks after the unmount")
    {
        require_all();
        const Scratch folder("written");
        for (const char* name : {"lvm-1", "lvm-2", "raid1"}) {
            must_run({"cp", "--sparse=always", disk(name), folder / name});
        }
        const Words options{"-a", folder / "lvm-1",
                            "-a", folder / "lvm-2",
                            "-a", folder / "raid1",
                            "-m", "/dev/two-disks/thin",
                            "-m", "/dev/two-disks/linear:/folder",
                            "-m", "/dev/md0p1:/headers"};
        const std::string text = content_of(disk("tar"));
        {
            GuestMount mount(joined(options, {"--rw"}));
            for (const char* leaf : {"new", "folder/new", "headers/new"}) {
                write_file(mount / leaf, text);
            }
            mount.unmount();
        }
        const GuestMount mount(joined(options, {"--ro"}));
        for (const char* leaf : {"new", "folder/new", "headers/new"}) {
            CHECK(content_of(mount / leaf) == text);
        }
    }
}
