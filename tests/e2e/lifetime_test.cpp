// SPDX-License-Identifier: GPL-2.0-or-later
//
// However a mount ends, it ends: no virtual machine, no mount, no temporary file (those two are checked by main) stay.
#include "tests/support/guest_mount.hpp"
#include "tests/support/leftovers.hpp"
#include "tests/support/program.hpp"
#include "tests/support/requirements.hpp"
#include "tests/support/test_image.hpp"

#include "core/base/syscall.hpp"

#include <csignal>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <filesystem>
#include <poll.h>
#include <thread>

namespace {

using namespace gm::test;

// Waits for what another process does; the pause between two looks is short against every limit used here.
template <typename Condition>
bool becomes_true(Condition condition, gm::Millis limit)
{
    for (const gm::Deadline deadline(limit); !condition();) {
        if (deadline.passed()) {
            return false;
        }
        std::this_thread::sleep_for(gm::Millis{20});
    }
    return true;
}

void require_everything()
{
    require_fuse();
    require_vm();
    require_root();
}

gm::Command guestmount_command(const std::vector<std::string>& options)
{
    gm::Command command;
    command.argv = {guestmount_program()};
    command.argv.insert(command.argv.end(), options.begin(), options.end());
    return command;
}

} // namespace

TEST_SUITE("e2e")
{
    TEST_CASE("after kill -9 of guestmount qemu ends at once, and the dead mountpoint can be unmounted")
    {
        require_everything();
        GuestMount mount({"-a", image("small"), "-m", "/dev/sda", "--ro"});
        REQUIRE(our_processes("qemu").size() == 1);
        REQUIRE(::kill(mount.worker(), SIGKILL) == 0);
        CHECK(becomes_true([] { return our_processes().empty(); }, gm::Millis{5'000}));
        must_run({"fusermount3", "-u", mount.path()});
        CHECK(our_mounts().empty());
    }

    TEST_CASE("SIGTERM and SIGINT to guestmount unmount, end qemu and leave the image clean")
    {
        require_everything();
        for (const int signal_number : {SIGTERM, SIGINT}) {
            CAPTURE(signal_number);
            const Scratch folder("signal");
            const std::string disk = image_copy("small", folder);
            GuestMount mount({"-a", disk, "-m", "/dev/sda", "--rw"});
            write_file(mount / "written", "before the signal\n");
            REQUIRE(::kill(mount.worker(), signal_number) == 0);
            CHECK(becomes_true([] { return our_processes().empty() && our_mounts().empty(); }, gm::Millis{10'000}));
            must_run({"e2fsck", "-fn", disk});
            CHECK(must_run({"debugfs", "-R", "cat /written", disk}) == "before the signal\n");
        }
    }

    TEST_CASE("a signal during launch ends guestmount and all it started")
    {
        require_everything();
        const Scratch folder("launch");
        std::filesystem::create_directory(folder / "mnt");
        // From before qemu runs to after the mount is ready, whatever a launch takes on this machine.
        for (const int milliseconds : {10, 50, 100, 150, 200, 300, 500, 1000, 2000}) {
            CAPTURE(milliseconds);
            auto child = gm::Subprocess::start(
                guestmount_command({"-a", image("small"), "-m", "/dev/sda", "--ro", "--no-fork", folder / "mnt"}));
            REQUIRE_MESSAGE(child.ok(), problem(child));
            std::this_thread::sleep_for(gm::Millis{milliseconds});
            child->send_signal(milliseconds % 100 == 0 ? SIGINT : SIGTERM);
            const auto ended = child->wait(gm::Millis{5'000});
            CHECK(ended.has_value());
            CHECK(becomes_true([] { return our_processes().empty() && our_mounts().empty(); }, gm::Millis{2'000}));
        }
    }

    TEST_CASE("kill -9 during launch leaves no qemu")
    {
        require_everything();
        const Scratch folder("launch");
        std::filesystem::create_directory(folder / "mnt");
        auto child = gm::Subprocess::start(
            guestmount_command({"-a", image("small"), "-m", "/dev/sda", "--ro", "--no-fork", folder / "mnt"}));
        REQUIRE_MESSAGE(child.ok(), problem(child));
        REQUIRE(becomes_true([] { return !our_processes("qemu").empty(); }, gm::Millis{10'000}));
        child->kill_and_reap();
        CHECK(becomes_true([] { return our_processes("qemu").empty(); }, gm::Millis{5'000}));
        run({"fusermount3", "-q", "-u", folder / "mnt"}); // it may have been mounted already
    }

    TEST_CASE("kill -9 of qemu makes file operations fail within 5 s, and the mountpoint can be unmounted")
    {
        require_everything();
        GuestMount mount({"-a", image("small"), "-m", "/dev/sda", "--ro"});
        const auto qemu = our_processes("qemu");
        REQUIRE(qemu.size() == 1);
        REQUIRE(::kill(qemu.front().pid, SIGKILL) == 0);
        const Outcome listing = run({"stat", mount / "folder/numbers"}, gm::Millis{20'000});
        INFO(listing.text());
        CHECK(listing.took < gm::Millis{5'000});
        const Outcome reading = run({"cat", mount / "folder/numbers"}, gm::Millis{20'000});
        CHECK_FALSE(reading.success());
        CHECK(reading.took < gm::Millis{5'000});
        const Outcome unmounting = run({"fusermount3", "-u", mount.path()}, gm::Millis{20'000});
        const bool ended = unmounting.success() || our_mounts().empty();
        CHECK_MESSAGE(ended, unmounting.text());
        CHECK(becomes_true([] { return our_processes().empty(); }, gm::Millis{5'000}));
    }

    TEST_CASE("a read-only mount works on a disk that a running virtual machine has locked")
    {
        require_everything();
        const Scratch folder("running");
        const std::string disk = image_copy("small", folder);
        auto other =
            gm::Subprocess::start({.argv = {"qemu-system-x86_64", "-machine", "q35,accel=tcg", "-S", "-display", "none",
                                            "-nodefaults", "-drive", "file=" + disk + ",format=raw,if=virtio"},
                                   .inherited = {},
                                   .extra_environment = {},
                                   .standard_input = {},
                                   .standard_output = {},
                                   .standard_error = {}});
        REQUIRE_MESSAGE(other.ok(), problem(other));
        // It is locked once a second writer is refused.
        REQUIRE(becomes_true(
            [&] {
                return !run({"qemu-io", "-f", "raw", "-c", "quit", disk}).success();
            },
            gm::Millis{10'000}));
        GuestMount mount({"-a", disk, "-m", "/dev/sda", "--ro"});
        CHECK(content_of(mount / "hello") == "hello from the image\n");
        other->kill_and_reap();
        mount.unmount();
    }

    TEST_CASE("the pid file and the byte on --fd come when the mount answers, and the pid file goes at the end")
    {
        require_everything();
        const Scratch folder("ready");
        std::filesystem::create_directory(folder / "mnt");
        auto pipe = gm::make_pipe();
        REQUIRE(pipe.ok());
        auto command = guestmount_command({"-a", image("small"), "-m", "/dev/sda", "--ro", "--no-fork", "--pid-file",
                                           folder / "pid", "--fd", "9", folder / "mnt"});
        command.inherited = {{pipe->write_end.get(), 9}};
        auto child = gm::Subprocess::start(command);
        REQUIRE_MESSAGE(child.ok(), problem(child));
        pipe->write_end.reset();
        auto ready = gm::wait_for(pipe->read_end.get(), POLLIN, gm::Millis{20'000});
        REQUIRE(ready.ok());
        REQUIRE(*ready);
        std::byte byte{1};
        auto got = gm::read_exact(pipe->read_end.get(), {&byte, 1});
        REQUIRE(got.ok());
        REQUIRE(*got);
        CHECK(byte == std::byte{0});
        CHECK(content_of(folder / "mnt/hello") == "hello from the image\n");
        CHECK(std::atoi(content_of(folder / "pid").c_str()) == child->pid());
        must_run({guestunmount_program(), folder / "mnt"});
        const auto ended = child->wait(gm::Millis{10'000});
        REQUIRE(ended.has_value());
        CHECK(ended->success());
        CHECK_FALSE(std::filesystem::exists(folder / "pid"));
    }

    TEST_CASE("SIGUSR1 makes the mount tell what its caches did, and it goes on")
    {
        require_everything();
        const Scratch folder("counters");
        std::filesystem::create_directory(folder / "mnt");
        auto ready = gm::make_pipe();
        auto told = gm::make_pipe();
        REQUIRE(ready.ok());
        REQUIRE(told.ok());
        auto command = guestmount_command(
            {"-a", image("small"), "-m", "/dev/sda", "--ro", "--no-fork", "--fd", "9", folder / "mnt"});
        command.inherited = {{ready->write_end.get(), 9}};
        command.standard_error = told->write_end.get();
        auto child = gm::Subprocess::start(command);
        REQUIRE_MESSAGE(child.ok(), problem(child));
        ready->write_end.reset();
        told->write_end.reset();
        std::byte byte{1};
        auto got = gm::read_exact(ready->read_end.get(), {&byte, 1});
        REQUIRE(got.ok());
        REQUIRE(*got);
        CHECK(content_of(folder / "mnt/hello") == "hello from the image\n");
        child->send_signal(SIGUSR1);
        std::string text;
        const gm::Deadline deadline{gm::Millis{10'000}};
        while (text.find("through the guest") == std::string::npos && !deadline.passed()) {
            const auto more = gm::wait_for(told->read_end.get(), POLLIN, deadline.left());
            char bytes[4096];
            const auto count = more.ok() && *more ? ::read(told->read_end.get(), bytes, sizeof bytes) : 0;
            REQUIRE_MESSAGE(count > 0, text);
            text.append(bytes, static_cast<std::size_t>(count));
        }
        CHECK(text.find("hits") != std::string::npos);
        CHECK(content_of(folder / "mnt/hello") == "hello from the image\n");
        must_run({guestunmount_program(), folder / "mnt"});
        CHECK(child->wait(gm::Millis{10'000}).has_value());
    }

    TEST_CASE("the worker keeps neither the caller's standard output nor its standard error")
    {
        require_everything();
        const Scratch folder("pipes");
        std::filesystem::create_directory(folder / "mnt");
        // run_captured waits for the end of both pipes, as `text=$(guestmount ...)` does in a shell.
        auto run = gm::run_captured(
            {guestmount_program(), "-a", image("small"), "-m", "/dev/sda", "--ro", folder / "mnt"}, gm::Millis{20'000});
        must_run({guestunmount_program(), folder / "mnt"});
        REQUIRE_MESSAGE(run.ok(), problem(run));
        CHECK(run->status.success());
    }
}
