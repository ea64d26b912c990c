// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/support/guest_mount.hpp"
#include "tests/support/program.hpp"
#include "tests/support/requirements.hpp"
#include "tests/support/test_image.hpp"

#include "core/base/syscall.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>

using namespace gm::test;

TEST_SUITE("e2e")
{
    TEST_CASE("guestunmount ends with 3 for a folder that is not mounted, 1 for a wrong option")
    {
        const Scratch folder("plain");
        CHECK(run({guestunmount_program(), folder.path()}).status.code == 3);
        CHECK(run({guestunmount_program(), "/nonexistent/mountpoint"}).status.code != 0);
        CHECK(run({guestunmount_program(), "--no-such-option", folder.path()}).status.code == 1);
        CHECK(run({guestunmount_program()}).status.code == 1);
    }

    TEST_CASE("guestunmount ends with 2 while the mount is in use, and -q keeps it silent")
    {
        require_fuse();
        require_vm();
        require_root();
        GuestMount mount({"-a", image("small"), "-m", "/dev/sda", "--ro"});
        {
            auto user = gm::open_file(mount / "hello", O_RDONLY);
            REQUIRE(user.ok());
            const Outcome busy = run({guestunmount_program(), "--no-retry", mount.path()});
            CHECK_MESSAGE(busy.status.code == 2, busy.text());
            CHECK(busy.error_output != "");
            const Outcome quiet = run({guestunmount_program(), "-q", "--retry=1", mount.path()});
            CHECK_MESSAGE(quiet.status.code == 2, quiet.text());
            CHECK(quiet.error_output == "");
            CHECK(content_of(mount / "hello") == "hello from the image\n");
        }
        mount.unmount();
    }

    TEST_CASE("guestunmount --fd waits until the other end of the pipe is closed")
    {
        require_fuse();
        require_vm();
        require_root();
        GuestMount mount({"-a", image("small"), "-m", "/dev/sda", "--ro"});
        auto pipe = gm::make_pipe();
        REQUIRE(pipe.ok());
        auto waiting = gm::Subprocess::start({.argv = {guestunmount_program(), "--fd", "9", mount.path()},
                                              .inherited = {{pipe->read_end.get(), 9}},
                                              .extra_environment = {},
                                              .standard_input = {},
                                              .standard_output = {},
                                              .standard_error = {}});
        REQUIRE(waiting.ok());
        CHECK_FALSE(waiting->wait(gm::Millis{500}).has_value());
        CHECK(content_of(mount / "hello") == "hello from the image\n");
        pipe->write_end.reset();
        const auto ended = waiting->wait(gm::Millis{20'000});
        REQUIRE(ended.has_value());
        CHECK(ended->success());
        CHECK(run({guestunmount_program(), mount.path()}).status.code == 3);
    }

    TEST_CASE("guestunmount returns only when the image is free for the next writer")
    {
        require_fuse();
        require_vm();
        require_root();
        const Scratch folder("reuse");
        const std::string disk = image_copy("small", folder);
        for (int round = 0; round < 3; ++round) {
            GuestMount mount({"-a", disk, "-m", "/dev/sda", "--rw"});
            write_file(mount / "round", fmt::format("{}", round));
            mount.unmount();
            // A writer's exclusive lock, taken at once: whoever still had the image open would refuse it.
            must_run({"qemu-io", "-f", "raw", "-c", "read 0 512", disk});
            must_run({"e2fsck", "-fn", disk});
        }
    }
}
