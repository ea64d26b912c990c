// SPDX-License-Identifier: GPL-2.0-or-later
//
// Domains of libvirt's test driver (test:///FILE), which keeps them in the asking process.
#include "tests/support/guest_mount.hpp"
#include "tests/support/loop_mount.hpp"
#include "tests/support/requirements.hpp"
#include "tests/support/test_image.hpp"
#include "tests/support/tree.hpp"

#include <doctest/doctest.h>
#include <filesystem>

namespace {

using namespace gm;
using namespace gm::test;

// A node with one domain, "box", of the given run state (virDomainState) and disks.
std::string node(int state, const std::string& disks)
{
    return fmt::format(
        "<node><domain type='test' xmlns:test='http://libvirt.org/schemas/domain/test/1.0'><name>box</name>"
        "<uuid>6a2e8d1c-0000-4000-8000-000000000001</uuid><memory>8192</memory><os><type>hvm</type></os>"
        "<devices>{}</devices><test:runstate>{}</test:runstate></domain></node>",
        disks, state);
}

std::string disk(const std::string& path, const std::string& format, const std::string& target)
{
    return fmt::format(
        "<disk type='file' device='disk'><driver type='{}'/><source file='{}'/><target dev='{}'/></disk>", format, path,
        target);
}

constexpr int kRunning = 1;
constexpr int kShutOff = 5;

#define CHECK_NAMES(text, part) CHECK_MESSAGE((text).find(part) != std::string::npos, (text))

} // namespace

TEST_SUITE("e2e")
{
    TEST_CASE("-d mounts the disks of a libvirt domain, and only reads those of a running one")
    {
        require_fuse();
        require_vm();
        require_root();
        const Scratch folder("domain");
        const std::string raw = folder / "one.img";
        const std::string qcow2 = folder / "two.qcow2";
        std::filesystem::copy_file(image("small"), raw);
        must_run({"qemu-img", "convert", "-O", "qcow2", raw, qcow2});
        const std::string disks = disk(raw, "raw", "vda") + disk(qcow2, "qcow2", "vdb");
        write_file(folder / "off.xml", node(kShutOff, disks));
        write_file(folder / "on.xml", node(kRunning, disks));
        const std::string off = "test://" + (folder / "off.xml");
        const std::string on = "test://" + (folder / "on.xml");
        {
            const LoopMount loop(raw);
            const auto expected = scan_tree(loop.path(), {});
            REQUIRE(expected.ok());
            // By its UUID; a disk of -a comes first when it is given first.
            const GuestMount mount(
                {"-a", raw, "-d", "6a2e8d1c-0000-4000-8000-000000000001", "-c", on, "--all", "--ro"});
            for (const char* name : {"sda", "sdb", "sdc"}) {
                CAPTURE(name);
                const auto found = scan_tree(mount / name, {});
                REQUIRE_MESSAGE(found.ok(), problem(found));
                CHECK(differences(*expected, *found, {.inodes = false}).empty());
            }
        }
        {
            GuestMount mount({"-d", "box", "-c", off, "-m", "/dev/sda", "-m", "/dev/sdb:/lost+found", "--rw"});
            write_file(mount / "written", "to the domain");
            mount.unmount();
        }
        {
            const LoopMount loop(raw);
            CHECK(content_of(loop.path() + "/written") == "to the domain");
        }
        std::filesystem::create_directory(folder / "mnt");
        const auto complaint = [&](const std::string& domain, const std::string& connection) {
            const auto outcome =
                run({guestmount_program(), "-d", domain, "-c", connection, "-m", "/dev/sda", "--rw", folder / "mnt"});
            CHECK(outcome.status == ExitStatus{.signalled = false, .code = 1});
            CHECK(lines(outcome.error_output).size() == 1);
            return outcome.error_output;
        };
        CHECK_NAMES(complaint("box", on), "running");
        CHECK_NAMES(complaint("nobody", off), "'nobody'");
        CHECK_NAMES(complaint("box", "test:///nowhere.xml"), "nowhere.xml");
    }
}
