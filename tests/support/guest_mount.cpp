// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/support/guest_mount.hpp"

#include "tests/support/leftovers.hpp"

#include <cstdlib>
#include <doctest/doctest.h>
#include <fmt/ranges.h>

namespace gm::test {
namespace {

std::string program(const char* variable, const char* built)
{
    const char* other = std::getenv(variable);
    return other == nullptr ? built : other;
}

} // namespace

std::string guestmount_program()
{
    return program("GM_TEST_GUESTMOUNT", GM_TEST_BINARIES "/guestmount");
}

std::string guestunmount_program()
{
    return program("GM_TEST_GUESTUNMOUNT", GM_TEST_BINARIES "/guestunmount");
}

GuestMount::GuestMount(const std::vector<std::string>& options) : files_("worker"), folder_("mnt")
{
    std::vector<std::string> argv{guestmount_program()};
    argv.insert(argv.end(), options.begin(), options.end());
    argv.insert(argv.end(), {"--pid-file", files_ / "pid", folder_.path()});
    const Outcome outcome = run(argv, Millis{60'000});
    mounted_ = true; // as far as the destructor is concerned
    mount_time_ = outcome.took;
    said_ = outcome.error_output;
    if (!outcome.success()) {
        remove_leftovers();
        FAIL(fmt::format("{}: {}", fmt::join(argv, " "), outcome.text()));
    }
    worker_ = std::atoi(content_of(files_ / "pid").c_str());
    REQUIRE(worker_ > 0);
}

GuestMount::~GuestMount()
{
    try {
        if (mounted_ && !run({guestunmount_program(), "-q", folder_.path()}, Millis{30'000}).success()) {
            remove_leftovers();
        }
    } catch (...) {
        // A check within run() failed and is reported; main() removes what is left.
    }
}

void GuestMount::unmount()
{
    const Outcome outcome = run({guestunmount_program(), folder_.path()}, Millis{60'000});
    REQUIRE_MESSAGE(outcome.success(), outcome.text());
    mounted_ = false;
    const auto qemu = our_processes("qemu-s"); // qemu-system, qemu-storage-daemon; a test may serve disks by qemu-nbd
    CHECK_MESSAGE(qemu.empty(), "qemu still runs after guestunmount");
    for (const auto& mount : our_mounts()) {
        CHECK_MESSAGE(mount != folder_.path(), "still mounted after guestunmount");
    }
}

} // namespace gm::test
