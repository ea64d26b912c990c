// SPDX-License-Identifier: GPL-2.0-or-later
//
// Which system a tree of files is taken for.
#include "core/base/syscall.hpp"
#include "daemon/inspect/candidate.hpp"
#include "tests/support/scratch.hpp"

#include <doctest/doctest.h>
#include <filesystem>
#include <unistd.h>

using namespace gm::daemon;
namespace fs = std::filesystem;

namespace {

class Root {
public:
    explicit Root(std::string device = "/dev/sda1") : device_(std::move(device)) {}

    Root& file(const std::string& path, const std::string& content = "")
    {
        fs::create_directories(fs::path(at(path)).parent_path());
        REQUIRE(gm::replace_file(at(path), content, 0644).ok());
        return *this;
    }
    Root& folder(const std::string& path)
    {
        fs::create_directories(at(path));
        return *this;
    }
    Root& link(const std::string& path, const std::string& target)
    {
        fs::create_directories(fs::path(at(path)).parent_path());
        fs::create_symlink(target, at(path));
        return *this;
    }
    [[nodiscard]] GuestTree tree() const { return GuestTree::open(scratch_.path()).take_value(); }
    [[nodiscard]] Candidate candidate(const std::string& type = "ext4") const
    {
        return {.device = device_, .type = type, .tree = tree()};
    }
    [[nodiscard]] std::string at(const std::string& path) const { return scratch_.path() + "/" + path; }

private:
    gm::test::Scratch scratch_{"root"};
    std::string device_;
};

Surroundings nothing_around()
{
    Surroundings around{};
    around.tree_of = [](const std::string&) { return nullptr; };
    return around;
}

KnownDevice known(const std::string& name, const std::string& uuid)
{
    KnownDevice device{};
    device.name = name;
    device.uuid = uuid;
    device.place = parse_drive_name(name);
    return device;
}

} // namespace

TEST_CASE("a Linux system is known by os-release, and mounted as its fstab says")
{
    Root root;
    root.folder("bin")
        .link("etc/os-release", "../usr/lib/os-release")
        .file("usr/lib/os-release", "ID=debian\nPRETTY_NAME=\"Debian 12\"\nVERSION_ID=12\n")
        .file("etc/hostname", "# a comment\nmailserver\n")
        .file("etc/fstab",
              "UUID=1 / ext4 defaults 0 1\nUUID=9 /srv/gone ext4\nUUID=3 /var/log ext4\nUUID=2 /var ext4\n")
        .file("etc/crypttab", "x UUID=7\n");
    auto around = nothing_around();
    around.devices = {known("/dev/sda1", "1"), known("/dev/sda2", "2"), known("/dev/sda3", "3")};
    const auto system = linux_system(root.candidate(), around);
    REQUIRE(system);
    CHECK(system->root == "/dev/sda1");
    CHECK(system->family == "linux");
    CHECK(system->distribution == "debian");
    CHECK(system->product == "Debian 12");
    CHECK(system->version == "12");
    CHECK(system->hostname == "mailserver");
    const std::vector<gm::rpc::SystemMount> mounts{
        {"/dev/sda1", "/", ""}, {"/dev/sda2", "/var", ""}, {"/dev/sda3", "/var/log", ""}};
    CHECK(system->mounts == mounts);
    REQUIRE(system->problems.size() == 1);
    CHECK(system->problems[0] == "'UUID=9' of /dev/sda1 is not on the disks: /srv/gone stays empty");
    CHECK(system->valid());
}

TEST_CASE("a link in the guest's tree leads to no file of the host")
{
    Root root;
    root.folder("bin").link("etc/os-release", "/secret").link("etc/hostname", "../../../../secret");
    Root outside;
    outside.file("secret", "ID=stolen\n");
    root.link("etc/lsb-release", outside.at("secret"));
    CHECK_FALSE(linux_system(root.candidate(), nothing_around()));
    // Absolute links mean the guest's own root.
    root.file("secret", "ID=own\nPRETTY_NAME=Own\n");
    const auto system = linux_system(root.candidate(), nothing_around());
    REQUIRE(system);
    CHECK(system->product == "Own");
    CHECK(system->hostname == "ID=own");
}

TEST_CASE("what is no ordinary file is not read, however it is called")
{
    Root root;
    root.folder("bin").folder("etc");
    REQUIRE(::mkfifo(root.at("etc/os-release").c_str(), 0644) == 0);
    root.file("etc/hostname", std::string(GuestTree::kMostBytes + 1, 'h')).folder("etc/fstab");
    CHECK_FALSE(linux_system(root.candidate(), nothing_around()));
    root.file("etc/debian_version", "3.1\n");
    const auto system = linux_system(root.candidate(), nothing_around());
    REQUIRE(system);
    CHECK(system->product == "Debian GNU/Linux 3.1");
    CHECK(system->hostname.empty());
}

TEST_CASE("release files from before os-release are understood")
{
    struct Example {
        const char* file;
        const char* content;
        const char* distribution;
        const char* version;
    };
    for (const auto& example :
         {Example{"redhat-release", "CentOS release 5.11 (Final)\n", "centos", "5.11"},
          Example{"redhat-release", "Red Hat Enterprise Linux Server release 6.10 (Santiago)\n", "rhel", "6.10"},
          Example{"fedora-release", "Fedora release 14 (Laughlin)\n", "fedora", "14"},
          Example{"SuSE-release", "SUSE Linux Enterprise Server 11 (x86_64)\nVERSION = 11\n", "suse", "11"},
          Example{"gentoo-release", "Gentoo Base System release 1.12.14\n", "gentoo", "1.12.14"},
          Example{"arch-release", "", "arch", ""}, Example{"alpine-release", "3.2.3\n", "alpine", "3.2.3"},
          Example{"debian_version", "lenny/sid\n", "debian", "lenny/sid"}}) {
        CAPTURE(example.content);
        Root root;
        root.folder("bin").file(std::string("etc/") + example.file, example.content);
        const auto system = linux_system(root.candidate(), nothing_around());
        REQUIRE(system);
        CHECK(system->distribution == example.distribution);
        CHECK(system->version == example.version);
        CHECK_FALSE(system->product.empty());
    }
}

TEST_CASE("os-release is found in a /usr of its own")
{
    Root root;
    Root usr("/dev/sda2");
    root.folder("bin")
        .folder("lib")
        .folder("usr")
        .link("etc/os-release", "../usr/lib/os-release")
        .file("etc/fstab", "/dev/sda2 /usr ext4 ro\n");
    usr.file("lib/os-release", "ID=fedora\nPRETTY_NAME=\"Fedora 39\"\n");
    auto around = nothing_around();
    around.devices = {known("/dev/sda1", "1"), known("/dev/sda2", "2")};
    const auto tree = usr.tree();
    around.tree_of = [&](const std::string& device) { return device == "/dev/sda2" ? &tree : nullptr; };
    const auto system = linux_system(root.candidate(), around);
    REQUIRE(system);
    CHECK(system->product == "Fedora 39");
    CHECK(system->mounts.back() == gm::rpc::SystemMount{"/dev/sda2", "/usr", "ro"});
}

TEST_CASE("data, a boot partition and a /usr are no systems")
{
    CHECK_FALSE(linux_system(Root().folder("photos").candidate(), nothing_around()));
    CHECK_FALSE(linux_system(Root().file("vmlinuz-6.1").folder("grub").candidate(), nothing_around()));
    CHECK_FALSE(linux_system(Root().file("lib/os-release", "ID=x\n").folder("bin").candidate(), nothing_around()));
    CHECK_FALSE(linux_system(Root().file("etc/notes").candidate(), nothing_around()));
}

TEST_CASE("the BSDs are told apart")
{
    Root free;
    free.file("bin/freebsd-version", "#!/bin/sh\nUSERLAND_VERSION=\"13.2-RELEASE-p4\"\n")
        .file("etc/rc.conf", "hostname=\"beastie\"\n")
        .file("etc/fstab", "/dev/gpt/home /home ufs rw 2 2\n");
    auto around = nothing_around();
    auto home = known("/dev/sda4", "");
    home.part_label = "home";
    around.devices = {home};
    const auto system = bsd_system(free.candidate("ufs"), around);
    REQUIRE(system);
    CHECK(system->product == "FreeBSD 13.2-RELEASE-p4");
    CHECK(system->hostname == "beastie");
    CHECK(system->mounts.back().device == "/dev/sda4");
    const auto net =
        bsd_system(Root().file("netbsd").file("etc/rc").file("etc/release", "NetBSD 9.3/amd64\n").candidate("ufs"),
                   nothing_around());
    REQUIRE(net);
    CHECK(net->version == "9.3");
    const auto open = bsd_system(Root()
                                     .file("bsd")
                                     .file("etc/rc")
                                     .file("etc/motd", "OpenBSD 7.3 (GENERIC.MP) #1125: Sat Mar 25\n")
                                     .file("etc/myname", "puffy.example\n")
                                     .candidate("ufs"),
                                 nothing_around());
    REQUIRE(open);
    CHECK(open->family == "openbsd");
    CHECK(open->version == "7.3");
    CHECK(open->hostname == "puffy.example");
}

TEST_CASE("installation discs are known by what their makers put on them")
{
    const auto debian =
        installation_disc(Root("/dev/sda")
                              .file(".disk/info", "Debian GNU/Linux 12.5.0 \"Bookworm\" - Official amd64\n")
                              .candidate("iso9660"));
    REQUIRE(debian);
    CHECK(debian->family == "installer");
    CHECK(debian->distribution == "debian");
    const auto fedora = installation_disc(
        Root("/dev/sda").file(".treeinfo", "[general]\nname = Fedora 39\nversion = 39\n").candidate("iso9660"));
    REQUIRE(fedora);
    CHECK(fedora->product == "Fedora 39");
    CHECK(fedora->version == "39");
    CHECK(installation_disc(Root("/dev/sda").file("SOURCES/BOOT.WIM").candidate("udf"))->distribution == "windows");
    CHECK_FALSE(installation_disc(Root("/dev/sda").file("README").candidate("iso9660")));
}

TEST_CASE("a file is found whatever the case of its path, but not through links")
{
    Root root;
    root.file("WINDOWS/system32/Config/software", "hive").link("Windows2", "WINDOWS");
    const auto tree = root.tree();
    CHECK(tree.find_ignoring_case("Windows/System32/config/SOFTWARE") == root.at("WINDOWS/system32/Config/software"));
    CHECK_FALSE(tree.find_ignoring_case("windows2/system32/config/software"));
    CHECK_FALSE(tree.find_ignoring_case("windows/system32/config"));
    CHECK_FALSE(tree.find_ignoring_case("windows/system32/config/SYSTEM"));
}
