// SPDX-License-Identifier: GPL-2.0-or-later
//
// What goes wrong ends within 20 s with exit status 1 and one line that names the file or device and the cause.
// That nothing is left behind (process, mount, temporary file) is checked by the main program of every tier.
#include "tests/support/guest_mount.hpp"
#include "tests/support/leftovers.hpp"
#include "tests/support/program.hpp"
#include "tests/support/requirements.hpp"
#include "tests/support/test_image.hpp"

#include <doctest/doctest.h>
#include <filesystem>
#include <fmt/ranges.h>
#include <sys/stat.h>

namespace {

using namespace gm::test;

// The program's single line of complaint, after all the promises about failures were checked.
std::string complaint(std::vector<std::string> arguments)
{
    arguments.insert(arguments.begin(), guestmount_program());
    const Outcome outcome = run(arguments, gm::Millis{25'000});
    CAPTURE(fmt::format("{}", fmt::join(arguments, " ")));
    INFO(outcome.text());
    CHECK_FALSE(outcome.timed_out);
    CHECK(outcome.took < gm::Millis{20'000});
    CHECK(outcome.status == gm::ExitStatus{.signalled = false, .code = 1});
    CHECK(outcome.output == "");
    const auto written = lines(outcome.error_output);
    CHECK(written.size() == 1);
    CHECK(our_processes().empty());
    CHECK(our_mounts().empty());
    return written.empty() ? "" : written.front();
}

#define CHECK_NAMES(text, part) CHECK_MESSAGE((text).find(part) != std::string::npos, (text))

class Failing {
public:
    Failing() : folder_("errors")
    {
        require_fuse();
        require_vm();
        require_root();
        std::filesystem::create_directory(folder_ / "mnt");
    }
    [[nodiscard]] std::string mountpoint() const { return folder_ / "mnt"; }
    // A file of this test with the given content.
    [[nodiscard]] std::string file(std::string_view name, std::string_view content) const
    {
        write_file(folder_ / name, content);
        return folder_ / name;
    }
    [[nodiscard]] const Scratch& folder() const { return folder_; }

private:
    Scratch folder_;
};

} // namespace

TEST_SUITE("e2e")
{
    TEST_CASE("a disk image that does not exist is named")
    {
        const Failing test;
        const auto line = complaint({"-a", "/nonexistent/disk.img", "-m", "/dev/sda", test.mountpoint()});
        CHECK_NAMES(line, "/nonexistent/disk.img");
        CHECK_NAMES(line, "No such file");
    }

    TEST_CASE("an empty disk image is named")
    {
        const Failing test;
        const std::string disk = test.file("empty.img", "");
        CHECK_NAMES(complaint({"-a", disk, "-m", "/dev/sda", "--ro", test.mountpoint()}), "empty.img");
    }

    TEST_CASE("a folder is not a disk image")
    {
        const Failing test;
        CHECK_NAMES(complaint({"-a", test.folder().path(), "-m", "/dev/sda", "--ro", test.mountpoint()}),
                    test.folder().path());
    }

    TEST_CASE("a disk of random bytes has no file system, which is said of the device")
    {
        const Failing test;
        const std::string disk = test.folder() / "random.img";
        must_run({"dd", "if=/dev/urandom", "of=" + disk, "bs=1M", "count=16", "status=none"});
        CHECK_NAMES(complaint({"-a", disk, "-m", "/dev/sda", "--ro", test.mountpoint()}), "/dev/sda");
    }

    TEST_CASE("a truncated qcow2 is named")
    {
        const Failing test;
        const std::string disk = test.folder() / "cut.qcow2";
        must_run({"qemu-img", "convert", "-O", "qcow2", image("small"), disk});
        must_run({"truncate", "-s", "100000", disk});
        const auto line = complaint({"-a", disk, "-m", "/dev/sda", "--ro", test.mountpoint()});
        const bool named = line.find("cut.qcow2") != std::string::npos || line.find("/dev/sda") != std::string::npos;
        CHECK_MESSAGE(named, line);
    }

    TEST_CASE("a missing backing file is named")
    {
        const Failing test;
        const std::string base = image_copy("small", test.folder(), "base.img");
        const std::string disk = test.folder() / "top.qcow2";
        must_run({"qemu-img", "create", "-q", "-f", "qcow2", "-b", base, "-F", "raw", disk});
        std::filesystem::remove(base);
        CHECK_NAMES(complaint({"-a", disk, "-m", "/dev/sda", "--ro", test.mountpoint()}), "base.img");
    }

    TEST_CASE("-m of a device that does not exist lists the file systems that do")
    {
        const Failing test;
        const auto line = complaint({"-a", image("partitions_mbr"), "-m", "/dev/sda9", "--ro", test.mountpoint()});
        CHECK_NAMES(line, "/dev/sda9");
        CHECK_NAMES(line, "/dev/sda1");
        CHECK_NAMES(line, "/dev/sda5");
        CHECK_NAMES(line, "/dev/sda6");
        CHECK_NAMES(line, "ext4");
        CHECK_NAMES(line, "xfs");
    }

    TEST_CASE("-m of a swap partition says that it is swap")
    {
        const Failing test;
        const auto line = complaint({"-a", image("partitions_mbr"), "-m", "/dev/sda2", "--ro", test.mountpoint()});
        CHECK_NAMES(line, "/dev/sda2");
        CHECK_NAMES(line, "swap");
    }

    TEST_CASE("-m of a damaged ext4 names the device")
    {
        const Failing test;
        CHECK_NAMES(complaint({"-a", image("damaged_ext4"), "-m", "/dev/sda", "--ro", test.mountpoint()}), "/dev/sda");
    }

    TEST_CASE("-m onto a folder that the guest does not have names both")
    {
        const Failing test;
        const auto line = complaint({"-a", image("partitions_mbr"), "-m", "/dev/sda1", "-m", "/dev/sda5:/not/there",
                                     "--ro", test.mountpoint()});
        CHECK_NAMES(line, "/dev/sda5");
        CHECK_NAMES(line, "/not/there");
    }

    TEST_CASE("a mountpoint that does not exist is named")
    {
        const Failing test;
        CHECK_NAMES(complaint({"-a", image("small"), "-m", "/dev/sda", "--ro", "/nonexistent/mountpoint"}),
                    "/nonexistent/mountpoint");
    }

    TEST_CASE("a mountpoint that is not a folder is named")
    {
        const Failing test;
        const std::string file = test.file("plain", "");
        CHECK_NAMES(complaint({"-a", image("small"), "-m", "/dev/sda", "--ro", file}), file);
    }

    TEST_CASE("no -a is an error")
    {
        const Failing test;
        CHECK_NAMES(complaint({"-m", "/dev/sda1", test.mountpoint()}), "-a");
    }

    TEST_CASE("no -m is an error")
    {
        const Failing test;
        CHECK_NAMES(complaint({"-a", image("small"), test.mountpoint()}), "-m");
    }

    TEST_CASE("no mountpoint is an error")
    {
        const Failing test;
        CHECK_NAMES(complaint({"-a", image("small"), "-m", "/dev/sda"}), "mountpoint");
    }

    TEST_CASE("an unknown option is named")
    {
        const Failing test;
        CHECK_NAMES(complaint({"--no-such-option", "-a", image("small"), "-m", "/dev/sda", test.mountpoint()}),
                    "--no-such-option");
    }

    TEST_CASE("--format and --blocksize without a following -a are errors")
    {
        const Failing test;
        CHECK_NAMES(complaint({"-a", image("small"), "--format=raw", "-m", "/dev/sda", test.mountpoint()}), "--format");
        CHECK_NAMES(complaint({"-a", image("small"), "--blocksize=512", "-m", "/dev/sda", test.mountpoint()}),
                    "--blocksize");
    }

    TEST_CASE("a wrong --format is named")
    {
        const Failing test;
        CHECK_NAMES(complaint({"--format=qcow2", "-a", image("small"), "-m", "/dev/sda", "--ro", test.mountpoint()}),
                    "qcow2");
    }

    TEST_CASE("a second writer of the same disk is told that it is in use")
    {
        const Failing test;
        const std::string disk = image_copy("small", test.folder());
        GuestMount first({"-a", disk, "-m", "/dev/sda", "--rw"});
        const auto arguments = {guestmount_program(), std::string("-a"),       disk,
                                std::string("-m"),    std::string("/dev/sda"), std::string("--rw"),
                                test.mountpoint()};
        const Outcome second = run(arguments, gm::Millis{25'000});
        INFO(second.text());
        CHECK(second.status == gm::ExitStatus{.signalled = false, .code = 1});
        CHECK(second.took < gm::Millis{20'000});
        CHECK(lines(second.error_output).size() == 1);
        CHECK_NAMES(second.error_output, disk);
        CHECK(our_processes("qemu").size() == 1);
        write_file(first / "still-works", "yes");
        first.unmount();
    }
}
