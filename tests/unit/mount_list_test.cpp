// SPDX-License-Identifier: GPL-2.0-or-later
#include "mount/mount_list.hpp"

#include <doctest/doctest.h>

using namespace gm::mount;

TEST_SUITE("unit")
{
    TEST_CASE("a mount is read from the kernel's list with its owner and device")
    {
        const auto mounts = parse_mount_list(
            "22 28 0:20 / /sys rw,nosuid shared:7 - sysfs sysfs rw\n"
            "95 28 0:61 / /mnt/a\\040b rw,nosuid,nodev,relatime shared:1 master:2 - fuse.guestmount /x\\054y "
            "rw,user_id=1000,group_id=100\n"
            "broken line\n");
        REQUIRE(mounts.size() == 2);
        CHECK(mounts[0].type == "sysfs");
        CHECK(mounts[1].mountpoint == "/mnt/a b");
        CHECK(mounts[1].type == "fuse.guestmount");
        CHECK(mounts[1].identity == MountIdentity{.owner = 1000, .device_major = 0, .device_minor = 61});
    }
}
