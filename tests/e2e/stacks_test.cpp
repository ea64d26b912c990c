// SPDX-License-Identifier: GPL-2.0-or-later
//
// Volume groups, RAIDs and encrypted volumes show what was put into them, and --ro does not change their disks.
#include "core/base/syscall.hpp"
#include "tests/support/guest_mount.hpp"
#include "tests/support/program.hpp"
#include "tests/support/requirements.hpp"
#include "tests/support/test_image.hpp"
#include "tests/support/tree.hpp"

#include <algorithm>
#include <cstdlib>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <filesystem>
#include <fmt/ranges.h>
#include <poll.h>
#include <regex>

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

    TEST_CASE("LVM on LUKS2 and a whole disk of LUKS1 hold what was put in, by each form of key")
    {
        holds_the_content({"crypt"}, "/dev/inner/root", {"--key", "/dev/sda2:key:two:2"});
        const Scratch folder("key");
        write_file(folder / "key", std::string("binary \0 key\n", 13));
        holds_the_content({"crypt"}, "/dev/mapper/inner-root",
                          {"--key", "22222222-2222-2222-2222-222222222222:file:" + (folder / "key")});
        holds_the_content({"luks1"}, "/dev/sda", {"--key", "all:key:one"});
        holds_the_content({"luks1"}, "/dev/mapper/luks-11111111-1111-1111-1111-111111111111",
                          {"--key", "all:key:wrong", "--key", "/dev/sda:key:one"});
    }

    TEST_CASE("LVM on LUKS2 on a degraded RAID5, and LUKS2 on a logical volume, hold what was put in")
    {
        holds_the_content({"raid5-1", "raid5-3"}, "/dev/deep/root", {"--key", "/dev/md/deep:key:five"});
        holds_the_content({"lvm-1", "lvm-2"}, "/dev/two-disks/secret", {"--key", "/dev/two-disks/secret:key:three"});
    }

    TEST_CASE("an encrypted volume that nobody needs stays closed")
    {
        require_all();
        const GuestMount mount(joined(adding({"crypt"}), {"-m", "/dev/sda1", "--ro", "--key", "all:key:wrong"}));
        check_content(mount.path());
    }

    TEST_CASE("a wrong key, a missing one, and what is not there are one line that names the device")
    {
        require_all();
        const Scratch folder("mnt");
        const auto complaint = [&](const Words& options) {
            const Outcome outcome =
                run(joined({guestmount_program()}, joined(options, {"--ro", folder.path()})), gm::Millis{30'000});
            INFO(outcome.text());
            CHECK(outcome.status == gm::ExitStatus{.signalled = false, .code = 1});
            CHECK(lines(outcome.error_output).size() == 1);
            CHECK(outcome.error_output.find("wrong-one") == std::string::npos);
            return outcome.error_output;
        };
        const auto has = [](const std::string& text, const char* part) {
            CHECK_MESSAGE(text.find(part) != std::string::npos, text);
        };
        has(complaint(joined(adding({"luks1"}), {"-m", "/dev/sda", "--key", "/dev/sda:key:wrong-one"})),
            "'/dev/sda' is encrypted (LUKS1) and the key does not open it");
        has(complaint(joined(adding({"crypt"}), {"-m", "/dev/inner/root"})),
            "'/dev/sda2' is encrypted (LUKS2) and no key was given");
        has(complaint(joined(adding({"lvm-1"}), {"-m", "/dev/two-disks/linear"})),
            "1 of the disks of volume group 'two-disks' is missing");
        has(complaint(joined(adding({"lvm-1", "lvm-1"}), {"-m", "/dev/two-disks/linear"})),
            "/dev/sda2 and /dev/sdb2 are copies");
        has(complaint(joined(adding({"raid5-1"}), {"-m", "/dev/md127"})), "the RAID of /dev/sda cannot be started");
        has(complaint(joined(adding({"lvm-1", "lvm-2"}), {"-m", "/dev/two-disks/none"})),
            "/dev/two-disks/one-piece (ext4)");
    }

    TEST_CASE("keys are read from standard input, a line each")
    {
        require_all();
        const Scratch folder("mnt");
        const std::string disks = fmt::format("-a {} -a {}", disk("crypt"), disk("luks1"));
        const Outcome outcome =
            run({"sh", "-c",
                 fmt::format("printf 'two:2\\none\\n' | {} {} -m /dev/inner/root -m /dev/sdb:/headers --ro "
                             "--keys-from-stdin {}",
                             guestmount_program(), disks, folder.path())});
        CHECK_MESSAGE(outcome.success(), outcome.text());
        CHECK(content_of(folder / "headers/hello") == "hello from the stack\n");
        must_run({guestunmount_program(), folder.path()});
    }

    TEST_CASE("a key that is missing is asked for on the terminal and not shown there")
    {
        require_all();
        const Scratch folder("mnt");
        gm::UniqueFd user{::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC)};
        REQUIRE(::grantpt(user.get()) == 0);
        REQUIRE(::unlockpt(user.get()) == 0);
        const gm::UniqueFd terminal{::open(::ptsname(user.get()), O_RDWR | O_NOCTTY | O_CLOEXEC)};
        REQUIRE(terminal.valid());
        auto program = gm::Subprocess::start({.argv = {"setsid", "--ctty", "--wait", guestmount_program(), "-a",
                                                       disk("luks1"), "-m", "/dev/sda", "--ro", folder.path()},
                                              .inherited = {},
                                              .extra_environment = {},
                                              .standard_input = terminal.get(),
                                              .standard_output = terminal.get(),
                                              .standard_error = terminal.get()});
        REQUIRE(program.ok());
        const gm::Deadline deadline{gm::Millis{60'000}};
        std::string shown;
        for (const std::string key : {"mistaken\n", "one\n"}) {
            for (const auto before = shown.size();
                 shown.find("Key of /dev/sda (LUKS1): ", before) == std::string::npos;) {
                REQUIRE_MESSAGE(gm::wait_for(user.get(), POLLIN, deadline.left()).value(), shown);
                char text[256];
                const auto got = ::read(user.get(), text, sizeof text);
                REQUIRE_MESSAGE(got > 0, shown);
                shown.append(text, static_cast<std::size_t>(got));
            }
            REQUIRE(::write(user.get(), key.data(), key.size()) == static_cast<ssize_t>(key.size()));
        }
        const auto ended = program->wait(deadline.left());
        REQUIRE(ended);
        CHECK(ended->success());
        CHECK(shown.find("mistaken") == std::string::npos);
        CHECK(content_of(folder / "hello") == "hello from the stack\n");
        must_run({guestunmount_program(), folder.path()});
    }

    TEST_CASE("--list shows what is on the disks, and does not change them")
    {
        require_all();
        const Words disks{"lvm-1", "lvm-2", "crypt", "raid1"};
        Words before;
        for (const auto& name : disks) {
            before.push_back(sha256(disk(name)));
        }
        const auto command = joined({guestmount_program(), "--list", "--key", "/dev/sdc2:key:two:2"}, adding(disks));
        const Outcome table = run(command);
        INFO(table.text());
        CHECK(table.success());
        const auto has = [](const std::string& text, const char* pattern) {
            CHECK_MESSAGE(std::regex_search(text, std::regex(pattern)), pattern);
        };
        has(table.output, "/dev/sda1 +partition +ext4 ");
        has(table.output, "/dev/two-disks/mirrored +logical volume +ext4 .* MiB +1\\.[0-9] MiB\n");
        has(table.output, "/dev/inner/swap +logical volume +swap ");
        has(table.output, "/dev/md127p1 +partition +ext4 ");
        has(table.output, "/dev/mapper/luks-22222222-2222-2222-2222-222222222222 +opened +LVM2_member");
        CHECK(table.output.find("mirrored_") == std::string::npos);
        has(table.error_output, "'/dev/two-disks/secret' is encrypted \\(LUKS2\\) and no key was given");
        const std::string json = must_run(joined(command, {"--json"}));
        has(json, "\"name\": \"/dev/two-disks/thin\"");
        has(json, "\"warnings\": \\[\n +\"'/dev/two-disks/secret' is");
        for (std::size_t i = 0; i < disks.size(); ++i) {
            CHECK(sha256(disk(disks[i])) == before[i]);
        }
    }

    TEST_CASE("--all mounts every file system that opens in its own folder")
    {
        require_all();
        GuestMount mount(joined(adding({"lvm-1", "lvm-2", "luks1"}), {"--all", "--ro", "--key", "/dev/sdc:key:one"}));
        std::vector<std::string> folders;
        for (const auto& entry : std::filesystem::directory_iterator(mount.path())) {
            folders.push_back(entry.path().filename());
            check_content(entry.path());
        }
        std::sort(folders.begin(), folders.end());
        CHECK(folders == Words{"luks-11111111-1111-1111-1111-111111111111", "sda1", "two-disks-linear",
                               "two-disks-mirrored", "two-disks-one-piece", "two-disks-thin"});
        mount.unmount();
    }
}
