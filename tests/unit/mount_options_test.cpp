// SPDX-License-Identifier: GPL-2.0-or-later
#include "mount/fuse_options.hpp"
#include "mount/options.hpp"
#include "mount/tools_config.hpp"
#include "mount/unmount_options.hpp"

#include <doctest/doctest.h>
#include <map>

using namespace gm;
using namespace gm::mount;

namespace {

Result<CommandLine> parse(std::vector<std::string> arguments, std::map<std::string, std::string> environment = {},
                          bool read_only = false)
{
    arguments.insert(arguments.begin(), "guestmount");
    return parse_command_line(std::move(arguments), read_only, [&](const char* name) -> const char* {
        const auto found = environment.find(name);
        return found == environment.end() ? nullptr : found->second.c_str();
    });
}

std::string complaint(std::vector<std::string> arguments, std::map<std::string, std::string> environment = {})
{
    const auto line = parse(std::move(arguments), std::move(environment));
    return line.ok() ? "" : line.error().text;
}

Options options_of(std::vector<std::string> arguments)
{
    auto line = parse(std::move(arguments));
    REQUIRE_MESSAGE(line.ok(), (line.ok() ? "" : line.error().text));
    return std::move(line->options);
}

} // namespace

TEST_SUITE("unit")
{
    TEST_CASE("a plain command line names image, device and mountpoint")
    {
        const auto options = options_of({"-a", "disk.img", "-m", "/dev/sda1", "--ro", "/mnt"});
        REQUIRE(options.drives.size() == 1);
        CHECK(options.drives[0].source == "disk.img");
        CHECK(options.drives[0].read_only);
        CHECK(options.mounts == std::vector<MountSpec>{{"/dev/sda1", "/", "", ""}});
        CHECK(options.mountpoint == "/mnt");
        CHECK(options.read_only);
        CHECK_FALSE(options.no_fork);
    }

    TEST_CASE("options may be abbreviated, joined, and follow the mountpoint")
    {
        const auto options =
            options_of({"/mnt", "-adisk.img", "--mou=/dev/sda1", "-rv", "-oallow_other", "-o", "uid=5", "--no-fork"});
        CHECK(options.drives[0].source == "disk.img");
        CHECK(options.mountpoint == "/mnt");
        CHECK(options.verbose);
        CHECK(options.no_fork);
        CHECK(options.fuse_options == "allow_other,uid=5");
    }

    TEST_CASE("format and block size are those of the disks that follow")
    {
        const auto options = options_of({"-a", "a", "--format=raw", "--blocksize=4096", "-a", "b", "--blocksize", "-a",
                                         "c", "--format", "-a", "d", "-m", "/dev/sda", "/mnt"});
        CHECK(options.drives[0].format.empty());
        CHECK(options.drives[1].format == "raw");
        CHECK(options.drives[1].block_size == 4096U);
        CHECK(options.drives[2].format == "raw");
        CHECK_FALSE(options.drives[2].block_size);
        CHECK(options.drives[3].format.empty());
        CHECK(
            complaint({"-a", "a", "--format=raw", "-m", "/dev/sda", "/mnt"}).starts_with("--format must come before"));
        CHECK(complaint({"-a", "a", "--blocksize=1", "-m", "/dev/sda", "/mnt"}) ==
              "--blocksize: '1' is neither 512 nor 4096");
    }

    TEST_CASE("a mount has a device, a mountpoint, options and a type")
    {
        CHECK(MountSpec::parse("/dev/sda1").value() == MountSpec{"/dev/sda1", "/", "", ""});
        CHECK(MountSpec::parse("/dev/sda1:/boot").value() == MountSpec{"/dev/sda1", "/boot", "", ""});
        CHECK(MountSpec::parse("/dev/sda1::acl,noatime:ext3").value() ==
              MountSpec{"/dev/sda1", "/", "acl,noatime", "ext3"});
        CHECK(MountSpec::parse("btrfsvol:/dev/sda1/root:/:ro").value() ==
              MountSpec{"btrfsvol:/dev/sda1/root", "/", "ro", ""});
        CHECK_FALSE(MountSpec::parse(":/boot").ok());
        CHECK_FALSE(MountSpec::parse("/dev/sda1:boot").ok());
    }

    TEST_CASE("what is missing or too much is named")
    {
        CHECK(complaint({"-m", "/dev/sda1", "/mnt"}) == "no disk image: name one with -a, or a libvirt domain with -d");
        CHECK(complaint({"-a", "x", "/mnt"}).starts_with("nothing to mount"));
        CHECK(complaint({"-a", "x", "-m", "/dev/sda1"}).starts_with("no mountpoint"));
        CHECK(complaint({"-a", "x", "-m", "/dev/sda1", "/mnt", "/more"}).starts_with("'/more': only one mountpoint"));
        CHECK(complaint({"-a", "x", "--all", "-m", "/dev/sda1", "/mnt"}).starts_with("--all mounts everything"));
        CHECK(complaint({"-a", "x", "--list", "/mnt"}).starts_with("'/mnt': --list mounts nothing"));
        CHECK(complaint({"-a", "x", "--all", "--json", "/mnt"}).starts_with("--json: only with --list"));
        CHECK(parse({"-a", "x", "--list"})->options.read_only);
        CHECK(complaint({"--nonsense"}) == "unknown or ambiguous option '--nonsense'; try --help");
        CHECK(complaint({"-Z"}) == "unknown or ambiguous option '-Z'; try --help");
        CHECK(complaint({"-a"}).find("needs a value") != std::string::npos);
        CHECK(complaint({"--ro=yes"}) == "option '--ro' takes no value");
        CHECK(complaint({"--fd", "many", "-a", "x"}).find("not the number of a file descriptor") != std::string::npos);
        CHECK(complaint({"-a", "x", "-i", "-m", "/dev/sda1", "/mnt"}) ==
              "-i mounts an operating system: give it without -m");
        CHECK(complaint({"-a", "x", "--root", "/dev/sda1", "--all", "/mnt"}).find("without --all") !=
              std::string::npos);
        CHECK(complaint({"-a", "x", "-m", "/dev/sda", "-o", "nonsense", "/mnt"}).starts_with("-o nonsense: no such"));
    }

    TEST_CASE("the environment speaks as well")
    {
        const std::vector<std::string> plain{"-a", "x", "-m", "/dev/sda", "/mnt"};
        CHECK(parse(plain, {{"LIBGUESTFS_DEBUG", "1"}})->options.verbose);
        CHECK(parse(plain, {{"LIBGUESTFS_TRACE", "1"}})->options.trace);
        CHECK_FALSE(parse(plain, {{"LIBGUESTFS_TRACE", "1"}})->options.no_fork);
        CHECK(parse(plain, {{"LIBGUESTFS_BACKEND", "direct"}}).ok());
        CHECK(complaint(plain, {{"LIBGUESTFS_BACKEND", "libvirt"}}).find("not supported yet") != std::string::npos);
        CHECK(complaint(plain, {{"LIBGUESTFS_BACKEND", "nonsense"}}).find("no such backend") != std::string::npos);
    }

    TEST_CASE("read-only is what was said last, else what FUSE options say, else the configuration")
    {
        const auto read_only = [](std::vector<std::string> more, bool configured) {
            more.insert(more.end(), {"-a", "x", "-m", "/dev/sda", "/mnt"});
            return parse(std::move(more), {}, configured)->options.read_only;
        };
        CHECK_FALSE(read_only({}, false));
        CHECK(read_only({}, true));
        CHECK_FALSE(read_only({"--rw"}, true));
        CHECK(read_only({"--rw", "--ro"}, false));
        CHECK(read_only({"-o", "ro"}, false));
        CHECK_FALSE(read_only({"-o", "ro", "-w"}, false));
    }

    TEST_CASE("a trace stays in the foreground")
    {
        const auto options = options_of({"-x", "-a", "x", "-m", "/dev/sda", "/mnt"});
        CHECK(options.trace);
        CHECK(options.no_fork);
    }

    TEST_CASE("every option is listed for completion")
    {
        CHECK(long_options_text().find("--keys-from-stdin\n") != std::string::npos);
        CHECK(short_options_text().find("-a\n") != std::string::npos);
        CHECK(parse({"--long-options"})->action == Action::long_options);
        CHECK(parse({"-V"})->action == Action::version);
        CHECK(help_text().find("--pid-file FILE") != std::string::npos);
    }

    TEST_CASE("FUSE options are ours, the kernel's, or of older days")
    {
        const auto options = FuseOptions::parse("allow_other,uid=1000,gid=100,umask=022,noexec,big_writes,"
                                                "fsname=a\\,b,subtype=t,x-systemd.automount");
        REQUIRE(options.ok());
        CHECK(options->view == AttrView{.uid = 1000, .gid = 100, .umask = 022, .shared = true});
        CHECK(options->default_permissions);
        CHECK(options->mount_options(true, "disk") ==
              "ro,noexec,allow_other,default_permissions,fsname=a\\,b,subtype=t");
        CHECK(FuseOptions::parse("")->mount_options(false, "my,disk") == "rw,fsname=my\\,disk,subtype=guestmount");
        CHECK_FALSE(FuseOptions::parse("no_default_permissions,allow_other")->default_permissions);
        CHECK(FuseOptions::parse("ignore_case")->ignore_case);
        CHECK_FALSE(FuseOptions::parse("allow_other,allow_root").ok());
        CHECK_FALSE(FuseOptions::parse("uid=me").ok());
    }

    TEST_CASE("the configuration's key is found among others")
    {
        CHECK(read_only_setting("# read_only = true;\nother = 1;\n") == std::nullopt);
        CHECK(read_only_setting("read_only = true;\n") == true);
        CHECK(read_only_setting("  read_only=False; # not true\n") == false);
        CHECK(read_only_setting("read_only = true;\nread_only = false;") == false);
        const auto files = tools_config_files([](const char* name) -> const char* {
            return std::string_view(name) == "HOME"              ? "/home/u"
                   : std::string_view(name) == "XDG_CONFIG_DIRS" ? "/one:/two"
                                                                 : nullptr;
        });
        CHECK(files == std::vector<std::string>{"/etc/libguestfs-tools.conf", "/two/libguestfs/libguestfs-tools.conf",
                                                "/one/libguestfs/libguestfs-tools.conf",
                                                "/home/u/.config/libguestfs/libguestfs-tools.conf",
                                                "/home/u/.libguestfs-tools.rc"});
    }

    TEST_CASE("guestunmount takes a number of retries")
    {
        const auto retries = [](std::vector<std::string> arguments) {
            arguments.insert(arguments.begin(), "guestunmount");
            arguments.emplace_back("/mnt");
            const auto options = UnmountOptions::parse(std::move(arguments));
            return options.ok() ? static_cast<int>(options->retries) : -1;
        };
        CHECK(retries({}) == 5);
        CHECK(retries({"--retry=7"}) == 7);
        CHECK(retries({"--retry"}) == 5);
        CHECK(retries({"--no-retry"}) == 0);
        CHECK(retries({"--retry=x"}) == -1);
        CHECK_FALSE(UnmountOptions::parse({"guestunmount"}).ok());
    }
}
