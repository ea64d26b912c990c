// SPDX-License-Identifier: GPL-2.0-or-later
//
// guestmount -i mounts an operating system as it would itself, from what its own files say.
#include "tests/support/guest_mount.hpp"
#include "tests/support/program.hpp"
#include "tests/support/requirements.hpp"
#include "tests/support/test_image.hpp"

#include <algorithm>
#include <doctest/doctest.h>
#include <filesystem>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <sys/stat.h>

namespace {

using namespace gm::test;
using Words = std::vector<std::string>;

std::string disk(const std::string& name)
{
    return image("systems") + "." + name;
}

void require_all()
{
    require_fuse();
    require_vm();
    require_root();
}

std::string where(const GuestMount& mount, const std::string& folder)
{
    return content_of(mount / (folder + "/where"));
}

void has(const std::string& text, const std::string& part)
{
    CHECK_MESSAGE(text.find(part) != std::string::npos, text);
}

Outcome failing(Words options)
{
    const Scratch folder("mnt");
    options.insert(options.begin(), guestmount_program());
    options.insert(options.end(), {"--ro", folder.path()});
    Outcome outcome = run(options);
    CHECK(outcome.status == gm::ExitStatus{.signalled = false, .code = 1});
    return outcome;
}

} // namespace

TEST_SUITE("e2e")
{
    TEST_CASE("a Debian on LVM on LUKS2 is mounted whole by -i and its passphrase, and its disk stays as it is")
    {
        require_all();
        const std::string before = sha256(disk("luks"));
        {
            GuestMount mount({"-a", disk("luks"), "-i", "--key", "all:key:pass", "--ro"});
            CHECK(where(mount, "") == "root\n");
            CHECK(where(mount, "boot") == "boot\n");
            CHECK(where(mount, "home") == "home\n");
            CHECK(content_of(mount / "etc/hostname") == "vault\n");
            mount.unmount();
        }
        CHECK(sha256(disk("luks")) == before);
        const Outcome closed = failing({"-a", disk("luks"), "-i"});
        has(closed.error_output, "'/dev/sda2' is encrypted (LUKS2) and no key was given");
        has(closed.error_output, "no operating system was found");
    }

    TEST_CASE("an Ubuntu in btrfs subvolumes is mounted as its fstab says, not its snapshot")
    {
        require_all();
        GuestMount mount({"-a", disk("btrfs"), "-i", "--ro"});
        CHECK(where(mount, "") == "root\n");
        CHECK(where(mount, "home") == "home\n");
        CHECK(where(mount, "boot/efi") == "efi\n");
        struct stat status = {};
        REQUIRE(::stat((mount / "boot/efi/where").c_str(), &status) == 0);
        CHECK((status.st_mode & 0777U) == 0700); // umask=0077 of its fstab
        mount.unmount();
    }

    TEST_CASE("what is written below -i is in the file system that belongs there")
    {
        require_all();
        const Scratch folder("written");
        must_run({"cp", "--sparse=always", disk("usr"), folder / "disk"});
        {
            GuestMount mount({"-a", folder / "disk", "-i", "--rw"});
            CHECK(where(mount, "usr") == "usr\n");
            CHECK(where(mount, "opt/old") == "old\n");
            write_file(mount / "opt/old/new", "written\n");
            const Outcome denied = run({"touch", mount / "usr/new"}); // its fstab has it read-only
            CHECK_FALSE(denied.success());
            has(denied.error_output, "Read-only file system");
            mount.unmount();
        }
        const GuestMount mount({"-a", folder / "disk", "-m", "/dev/sda3", "--ro"});
        CHECK(content_of(mount / "new") == "written\n");
    }

    TEST_CASE("a Windows is found by its registry, whatever the case of its paths")
    {
        require_all();
        GuestMount mount({"-a", disk("windows"), "-i", "--ro"});
        CHECK(where(mount, "") == "windows\n");
        CHECK(std::filesystem::is_directory(mount / "Users/me"));
        mount.unmount();
    }

    TEST_CASE("of several systems one is chosen by --root, and --list tells what there is")
    {
        require_all();
        const Words disks{"-a", disk("usr"), "-a", disk("windows"), "-a", disk("btrfs"), "-a", disk("iso")};
        auto options = disks;
        options.emplace_back("-i");
        const Outcome outcome = failing(options);
        CHECK(lines(outcome.error_output).size() == 1);
        has(outcome.error_output, "there are 4 operating systems: /dev/sda1 (Fedora Linux 39 (Server Edition)), "
                                  "/dev/sdb2 (Windows 11 Pro), btrfsvol:/dev/sdc2/@ (Ubuntu 22.04.4 LTS), ");
        options.insert(options.end(), {"--root", "/dev/sda9"});
        has(failing(options).error_output, "--root /dev/sda9: no operating system was found there");
        options.back() = "btrfsvol:/dev/sdc2/@";
        options.emplace_back("--ro");
        {
            const GuestMount mount(options);
            CHECK(content_of(mount / "etc/hostname") == "laptop\n");
        }
        auto list = disks;
        list.insert(list.begin(), {guestmount_program(), "--list", "--json"});
        const auto found = nlohmann::json::parse(must_run(list)).at("operating_systems");
        REQUIRE(found.size() == 4);
        CHECK(found[0].at("hostname") == "server.example");
        CHECK(found[0].at("mounts").size() == 4);
        CHECK(found[0].at("mounts")[3] == nlohmann::json{{"device", "/dev/sda3"}, {"mountpoint", "/srv/a b"}});
        CHECK(found[1].at("hostname") == "b\xc3\xbcro-pc");
        CHECK(found[1].at("version") == "10.0.22631");
        CHECK(found[1].at("drive_letters") == nlohmann::json{{"C", "/dev/sdb2"}, {"E", "/dev/sdb1"}});
        CHECK(found[2].at("problems")[0] ==
              "'UUID=deadbeef-0000-0000-0000-000000000000' of btrfsvol:/dev/sdc2/@ is not on the disks: /data stays "
              "empty");
        CHECK(found[3].at("family") == "installer");
    }

    TEST_CASE("disks without a system are told what there is instead")
    {
        require_all();
        const Outcome outcome = failing({"-a", image("small"), "-i"});
        CHECK(lines(outcome.error_output).size() == 1);
        has(outcome.error_output, "no operating system was found");
        has(outcome.error_output, "the disks have /dev/sda");
    }
}
