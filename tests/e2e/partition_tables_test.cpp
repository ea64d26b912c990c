// SPDX-License-Identifier: GPL-2.0-or-later
//
// Partition tables of every kind, on the disks of one virtual machine: the names of the partitions, and what is in
// them.
#include "tests/support/guest_mount.hpp"
#include "tests/support/program.hpp"
#include "tests/support/requirements.hpp"
#include "tests/support/test_image.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

namespace {

using namespace gm::test;
using Words = std::vector<std::string>;

// By kind, in the order of the disks: the numbers of the partitions with a file system; 0 is the disk itself.
const std::vector<std::pair<std::string, std::vector<int>>> kTables{
    {"none", {0}},
    {"gpt", {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24}},
    {"mbr", {1, 4, 5, 6, 7}},
    {"bsd", {5, 6}},
    {"sun", {1, 2}},
    {"sgi", {1, 2}},
    {"amiga", {1, 2}},
    {"atari", {1, 2}},
    {"mac", {2, 3}},
};

// "sdb17", and what its file system says.
std::map<std::string, std::string> expected_names()
{
    std::map<std::string, std::string> names;
    for (std::size_t disk = 0; disk < kTables.size(); ++disk) {
        for (const int number : kTables[disk].second) {
            const std::string suffix = number == 0 ? "" : std::to_string(number);
            names[fmt::format("sd{:c}{}", 'a' + disk, suffix)] = fmt::format("{} {}\n", kTables[disk].first, number);
        }
    }
    return names;
}

} // namespace

TEST_SUITE("e2e")
{
    TEST_CASE("partitions of every kind of table are listed by the kernel's numbers and hold what belongs there")
    {
        require_fuse();
        require_vm();
        require_root();
        Words disks;
        for (const auto& [kind, numbers] : kTables) {
            disks.insert(disks.end(), {"-a", image("partition_tables") + "." + kind});
        }
        const auto expected = expected_names();

        auto options = disks;
        options.insert(options.begin(), {guestmount_program(), "--list", "--json"});
        std::set<std::string> listed;
        const auto list = nlohmann::json::parse(must_run(options));
        for (const auto& device : list.at("devices")) {
            if (device.value("type", "") == "ext2") {
                listed.insert(device.at("name").get<std::string>().substr(5)); // without "/dev/"
            }
        }
        options = disks;
        options.insert(options.end(), {"--all", "--ro"});
        const GuestMount mount(options);
        for (const auto& [name, where] : expected) {
            CAPTURE(name);
            CHECK(listed.contains(name));
            CHECK(content_of(mount / (name + "/where")) == where);
        }
        CHECK(listed.size() == expected.size());
    }
}
