// SPDX-License-Identifier: GPL-2.0-or-later
//
// What an inspection reads: release files, fstab, crypttab, device names, registry listings.
#include "daemon/inspect/device_spec.hpp"
#include "daemon/inspect/fstab.hpp"
#include "daemon/inspect/registry.hpp"
#include "daemon/inspect/release_files.hpp"

#include <doctest/doctest.h>

using namespace gm::daemon;
using namespace std::string_literals;

TEST_CASE("os-release is read as a shell would")
{
    const auto debian = parse_os_release("PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\n# ID=no\nID=debian\n"
                                         "VERSION_ID='12'\nHOME_URL=https://www.debian.org/\n");
    CHECK(debian == Release{"debian", "Debian GNU/Linux 12 (bookworm)", "12"});
    CHECK(parse_os_release("ID=\"NixOS\"\r\nNAME=Nix\\ OS\nVERSION_ID=23.11") ==
          Release{"nixos", "Nix OS 23.11", "23.11"});
    CHECK(parse_os_release("NAME=Arch") == Release{"linux", "Arch", ""});
    CHECK(parse_os_release("ID=alpine")->product == "alpine");
    CHECK_FALSE(parse_os_release("BUG_REPORT_URL=x\n=\n"));
    CHECK_FALSE(parse_os_release(""));
    CHECK(parse_os_release("ID=x\nPRETTY_NAME=" + std::string(100'000, 'y'))->product.size() == GuestTree::kMostLine);
    CHECK(parse_lsb_release("DISTRIB_ID=Ubuntu\nDISTRIB_RELEASE=8.04\nDISTRIB_DESCRIPTION=\"Ubuntu 8.04.4 LTS\"\n") ==
          Release{"ubuntu", "Ubuntu 8.04.4 LTS", "8.04"});
}

TEST_CASE("fstab gives what is mounted at boot, parents first")
{
    const auto entries = parse_fstab("# <file system> <mount point> <type> <options> <dump> <pass>\n"
                                     "/dev/vg/var\t/var/lib ext4 defaults 0 2\n"
                                     "UUID=aa-bb / ext4 errors=remount-ro 0 1\n"
                                     "\"LABEL=my data\" /srv/my\\040data xfs\n"
                                     "LABEL=my\\040data /srv/my\\040data xfs noatime\n"
                                     "UUID=cc /home/ btrfs subvol=@home,compress=zstd 0 0\n"
                                     "UUID=dd none swap sw 0 0\n"
                                     "/dev/sr0 /media/cdrom0 udf,iso9660 user,noauto 0 0\n"
                                     "/dev/sdb1 /backup ext4 noauto 0 0\n"
                                     "/dev/sdb2 /archive ext4 noauto,x-systemd.automount 0 0\n"
                                     "server:/export /nfs nfs defaults 0 0\n"
                                     "//server/share /smb cifs defaults 0 0\n"
                                     "tmpfs /tmp tmpfs defaults 0 0\n"
                                     "/home/a /srv/a none bind 0 0\n"
                                     "/dev/sdc1 /../escape ext4 defaults\n"
                                     "/dev/sdc1 relative ext4 defaults\n"
                                     "short line\n");
    REQUIRE(entries.size() == 5);
    CHECK(entries[0] == FstabEntry{"UUID=aa-bb", "/", "ext4", "errors=remount-ro"});
    CHECK(entries[1] == FstabEntry{"UUID=cc", "/home", "btrfs", "subvol=@home,compress=zstd"});
    CHECK(entries[2].mountpoint == "/archive");
    CHECK(entries[3] == FstabEntry{"/dev/vg/var", "/var/lib", "ext4", "defaults"});
    CHECK(entries[4] == FstabEntry{"LABEL=my data", "/srv/my data", "xfs", "noatime"});
    CHECK(lasting_options(entries[1]) == "subvol=@home");
    CHECK(lasting_options({"", "", "vfat", "umask=0077,shortname=winnt,ro"}) == "umask=0077,ro");

    std::string endless;
    for (int i = 0; i < 10'000; ++i) {
        endless += "/dev/sda1 /m" + std::to_string(i) + " ext4\n";
    }
    CHECK(parse_fstab(endless).size() == kMostMounts);
    CHECK(parse_crypttab("root UUID=1234 none luks\n#x y\nlone\n") ==
          std::vector<CrypttabEntry>{{"root", "UUID=1234"}});
}

TEST_CASE("a device is found by every name that a configuration may have for it")
{
    KnownDevice boot{.name = "/dev/sda1",
                     .names = {"/dev/sda1"},
                     .type = "ext4",
                     .label = "BOOT disk",
                     .uuid = "0a0b-ABCD",
                     .part_label = "efi part",
                     .part_uuid = "12345678-01",
                     .place = DriveName{0, 1}};
    KnownDevice second{.name = "/dev/sdb2",
                       .names = {},
                       .type = "",
                       .label = "",
                       .uuid = "",
                       .part_label = "",
                       .part_uuid = "",
                       .place = DriveName{1, 2}};
    KnownDevice volume{.name = "/dev/vg/root",
                       .names = {"/dev/vg/root", "/dev/mapper/vg-root"},
                       .type = "xfs",
                       .label = "",
                       .uuid = "",
                       .part_label = "",
                       .part_uuid = "",
                       .place = {}};
    KnownDevice secret{.name = "/dev/sda2",
                       .names = {},
                       .type = "crypto_LUKS",
                       .label = "",
                       .uuid = "55-66",
                       .part_label = "",
                       .part_uuid = "",
                       .place = DriveName{0, 2}};
    const std::vector<KnownDevice> all{volume, boot, secret, second};
    const std::vector<MappedName> mapped{{"cryptroot", "UUID=55-66"}, {"loop", "/dev/mapper/loop"}};
    for (const auto* spec : {"/dev/sda1", "UUID=0A0B-abcd", "LABEL=BOOT disk", "PARTUUID=12345678-01",
                             "PARTLABEL=efi part", "/dev/disk/by-uuid/0a0b-ABCD", "/dev/disk/by-label/BOOT\\x20disk",
                             "/dev/disk/by-partlabel/efi\\x20part", "/dev/gpt/efi part", "/dev/vda1", "/dev/hda1",
                             "/dev/xvda1", "/dev/nvme0n1p1", "/dev/mmcblk0p1", "/dev/ada0p1"}) {
        CAPTURE(spec);
        CHECK(resolve_spec(spec, all, mapped) == "/dev/sda1");
    }
    CHECK(resolve_spec("/dev/vdb2", all, mapped) == "/dev/sdb2");
    CHECK(resolve_spec("/dev/mapper/vg-root", all, mapped) == "/dev/vg/root");
    CHECK(resolve_spec("/dev/mapper/cryptroot", all, mapped) == "/dev/sda2");
    for (const auto* spec :
         {"", "UUID=", "UUID=none", "LABEL=", "ZFS=x", "/dev/sdc1", "/dev/nvme1n1p1", "/dev/nvme0n1p",
          "/dev/mapper/loop", "/dev/mapper/other", "sda1", "/dev/disk/by-label/\\x", "/dev/da0s1a"}) {
        CAPTURE(spec);
        CHECK_FALSE(resolve_spec(spec, all, mapped));
    }
}

TEST_CASE("values of a registry are read from the listing of its shell")
{
    const auto values = parse_registry_values("\"ProductName\"=\"Windows 10 \\\"Pro\\\"\"\n"
                                              "\"CurrentMajorVersionNumber\"=dword:0000000a\n"
                                              "\"\\\\DosDevices\\\\C:\"=hex(3):01,02,ff\n"
                                              "\"Empty\"=hex(3):\n"
                                              "\"Path\"=str(2):\"%SystemRoot%\\\\x\"\n"
                                              "\"Bad\"=dword:xyz\n\"Worse\"=hex(3):123\n\"Open=\n\"x\"\nno value\n");
    CHECK(values.size() == 5);
    CHECK(values.at("ProductName").text == "Windows 10 \"Pro\"");
    CHECK(values.at("CurrentMajorVersionNumber").bytes == "\x0a\0\0\0"s);
    CHECK(values.at("\\DosDevices\\C:").bytes == "\x01\x02\xff"s);
    CHECK(values.at("Empty").bytes.empty());
    CHECK(values.at("Path").text == "%SystemRoot%\\x");
}
