// SPDX-License-Identifier: GPL-2.0-or-later
#include "mount/guest_mounts.hpp"
#include "mount/inspection.hpp"
#include "mount/list_output.hpp"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

using namespace gm;
using namespace gm::mount;

namespace {

DiskList some_list()
{
    return {.devices = {{.name = "/dev/sda", .kind = rpc::BlockKind::disk, .size = 2 << 20, .sector_size = 512},
                        {.name = "/dev/sda1", .kind = rpc::BlockKind::partition, .size = 1 << 20, .sector_size = 512}},
            .contents = {{.device = "/dev/sda", .type = "unknown", .size = 2 << 20},
                         {.device = "/dev/sda1",
                          .type = "ext4",
                          .label = "a\x1b[2J\xff\xc2\x9b\xc3\xa4",
                          .uuid = "u",
                          .size = 1 << 20,
                          .used = 1000}},
            .systems = {},
            .warnings = {"w"}};
}

rpc::OperatingSystem debian()
{
    return {.root = "/dev/sda1",
            .family = "linux",
            .distribution = "debian",
            .product = "Debian\x1b",
            .version = "12",
            .hostname = "",
            .mounts = {{"/dev/sda1", "/", ""}, {"/dev/sda2", "/boot", "ro"}},
            .letters = {{"C", "/dev/sda1"}},
            .problems = {}};
}

} // namespace

TEST_SUITE("unit")
{
    TEST_CASE("the table of --list is aligned, and a label cannot command the terminal")
    {
        CHECK(list_as_table(some_list()) ==
              "DEVICE     KIND       TYPE  LABEL     UUID     SIZE    USED\n"
              "/dev/sda   disk       -     -         -     2.0 MiB       -\n"
              "/dev/sda1  partition  ext4  a?[2J\xef\xbf\xbd?\xc3\xa4  u     1.0 MiB  1000 B\n");
    }

    TEST_CASE("subvolumes are listed behind the device of their file system")
    {
        auto list = some_list();
        list.contents[1].type = "btrfs";
        list.contents.push_back({.device = "btrfsvol:/dev/sda1/@", .type = "btrfs"});
        list.contents.push_back({.device = "btrfsvol:/dev/sda1/@/var", .type = "btrfs"});
        list.contents.push_back({.device = "btrfsvol:/dev/sda17/other", .type = "btrfs"});
        const std::string table = list_as_table(list);
        CHECK(table.find("\nbtrfsvol:/dev/sda1/@      subvolume  btrfs  -") != std::string::npos);
        CHECK(table.find("sda17") == std::string::npos);
        const auto json = nlohmann::json::parse(list_as_json(list));
        CHECK(json["devices"].size() == 2);
        CHECK(json["devices"][1]["subvolumes"] == nlohmann::json{"btrfsvol:/dev/sda1/@", "btrfsvol:/dev/sda1/@/var"});
    }

    TEST_CASE("the JSON of --list has what is known, whatever a label holds")
    {
        const auto json = nlohmann::json::parse(list_as_json(some_list()));
        REQUIRE(json["devices"].size() == 2);
        CHECK_FALSE(json["devices"][0].contains("type"));
        CHECK(json["devices"][1]["type"] == "ext4");
        CHECK(json["devices"][1]["used"] == 1000);
        CHECK(json["devices"][1]["kind"] == "partition");
        CHECK(json["warnings"][0] == "w");
    }

    TEST_CASE("operating systems are listed below the devices")
    {
        auto list = some_list();
        list.systems = {debian()};
        CHECK(list_as_table(list).ends_with("\n\nROOT       OPERATING SYSTEM  HOSTNAME  MOUNTS\n"
                                            "/dev/sda1  Debian?           -         / /boot\n"));
        const auto json = nlohmann::json::parse(list_as_json(list)).at("operating_systems").at(0);
        CHECK(json.at("root") == "/dev/sda1");
        CHECK_FALSE(json.contains("hostname"));
        CHECK(json.at("mounts").at(1).at("options") == "ro");
        CHECK(json.at("drive_letters").at("C") == "/dev/sda1");
    }

    TEST_CASE("the only system is chosen, of several the one that is named")
    {
        auto other = debian();
        other.root = "/dev/sdb1";
        CHECK(choose_system({debian()}, "").value()->root == "/dev/sda1");
        CHECK(choose_system({debian(), other}, "/dev/sdb1").value()->root == "/dev/sdb1");
        CHECK(choose_system({debian(), other}, "").error().text ==
              "there are 2 operating systems: /dev/sda1 (Debian?), /dev/sdb1 (Debian?); choose one with --root DEVICE");
        CHECK(choose_system({debian()}, "/dev/sdc").error().text ==
              "--root /dev/sdc: no operating system was found there, only on /dev/sda1 (Debian?)");
        CHECK(choose_system({}, "/dev/sdc").error().errno_value == ENOENT);
    }

    TEST_CASE("sizes and folders are named for people")
    {
        CHECK(size_text(1023) == "1023 B");
        CHECK(size_text(1536) == "1.5 KiB");
        CHECK(size_text(~0ULL) == "16.0 EiB");
        CHECK(folder_name("/dev/sda1") == "sda1");
        CHECK(folder_name("/dev/vg/lv") == "vg-lv");
        CHECK(folder_name("/dev/mapper/luks-0a") == "luks-0a");
    }
}
