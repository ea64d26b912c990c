// SPDX-License-Identifier: GPL-2.0-or-later
//
// Drives as the guest and the block export see them.
#include "core/image/nbd_image.hpp"
#include "tests/support/program.hpp"
#include "tests/support/scratch.hpp"
#include "tests/vm/vm_guest.hpp"

#include <doctest/doctest.h>
#include <filesystem>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <thread>
#include <unistd.h>

namespace {

using namespace gm;
using namespace gm::test;

constexpr std::uint64_t kMib = 1 << 20;

std::vector<rpc::BlockDevice> devices_of(Guest& guest)
{
    const auto reply = guest.call<rpc::ListBlockDevices>({});
    REQUIRE_MESSAGE(reply.ok(), problem(reply));
    return reply.value().devices;
}

// sda ... sdz, sdaa ...
std::string disk_name(unsigned index)
{
    std::string letters;
    for (unsigned left = index + 1; left > 0; left = (left - 1) / 26) {
        letters.insert(letters.begin(), static_cast<char>('a' + (left - 1) % 26));
    }
    return "/dev/sd" + letters;
}

void check_order(unsigned count)
{
    const Scratch scratch{"disks"};
    std::vector<Drive> drives;
    for (unsigned i = 0; i < count; ++i) {
        const auto name = scratch / fmt::format("{}.img", i);
        drives.push_back({.source = make_image(name, static_cast<off_t>(kMib + i * 4096)), .read_only = i % 3 != 0});
    }
    const auto guest = must_launch(guest_options(drives));
    const auto devices = devices_of(*guest);
    REQUIRE(devices.size() == count);
    for (unsigned i = 0; i < count; ++i) {
        CHECK(devices[i].name == disk_name(i));
        CHECK(devices[i].size == kMib + i * 4096);
    }
    CHECK(guest->shutdown(Deadline{Millis{20'000}}).ok());
}

// io_uring_setup(2) fails with ENOSYS for the calling thread and whatever it starts from now on, as in a container that
// forbids it.
void forbid_io_uring()
{
    const sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_io_uring_setup, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const sock_fprog program{.len = std::size(filter), .filter = const_cast<sock_filter*>(filter)};
    REQUIRE(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
    REQUIRE(::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0);
    REQUIRE(::syscall(SYS_io_uring_setup, 1, nullptr) == -1);
    REQUIRE(errno == ENOSYS);
}

} // namespace

TEST_SUITE("vm")
{
    TEST_CASE("where io_uring is forbidden drives are read without it")
    {
        std::jthread([] {
            forbid_io_uring();
            check_order(3);
        }).join();
    }

    TEST_CASE("30 drives have the names of their order")
    {
        check_order(30);
    }

    TEST_CASE("255 drives have the names of their order, and one more is refused")
    {
        check_order(255);
        const auto error = must_not_launch(guest_options(std::vector<Drive>(256, Drive{.source = "/dev/zero"})));
        CHECK(error.text.find("255") != std::string::npos);
    }

    TEST_CASE("a drive has the sector size that was asked for")
    {
        const Scratch scratch{"disks"};
        const auto guest = must_launch(
            guest_options({{.source = make_image(scratch / "a", kMib), .read_only = true},
                           {.source = make_image(scratch / "b", kMib), .read_only = true, .block_size = 512},
                           {.source = make_image(scratch / "c", kMib), .read_only = true, .block_size = 4096}}));
        const auto devices = devices_of(*guest);
        REQUIRE(devices.size() == 3);
        CHECK(devices[0].sector_size == 512);
        CHECK(devices[1].sector_size == 512);
        CHECK(devices[2].sector_size == 4096);
    }

    TEST_CASE("image formats are found out, and the block export reads what is in them")
    {
        const Scratch scratch{"disks"};
        write_file(scratch / "raw", std::string(3 * kMib, 'r'));
        std::vector<Drive> drives{{.source = scratch / "raw", .read_only = true}};
        for (const char* format : {"qcow2", "vmdk", "vdi", "vhdx", "vpc", "qed"}) {
            must_run({"qemu-img", "convert", "-f", "raw", "-O", format, scratch / "raw", scratch / format});
            drives.push_back({.source = scratch / format, .read_only = true});
        }
        must_run({"qemu-img", "create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", scratch / "qcow2", scratch / "top"});
        drives.push_back({.source = scratch / "top", .read_only = true});

        const auto guest = must_launch(guest_options(drives));
        const auto devices = devices_of(*guest);
        REQUIRE(devices.size() == drives.size());
        auto sockets = guest->connect_block_exports(static_cast<unsigned>(drives.size()));
        REQUIRE_MESSAGE(sockets.ok(), problem(sockets));
        std::vector<image::NbdImage::Drive> exports;
        for (std::size_t i = 0; i < drives.size(); ++i) {
            exports.push_back({.export_name = fmt::format("disk{}", i), .sockets = {}});
            exports.back().sockets.push_back(std::move(sockets.value()[i]));
        }
        auto image = image::NbdImage::connect(std::move(exports), {});
        REQUIRE_MESSAGE(image.ok(), problem(image));
        for (std::uint32_t i = 0; i < drives.size(); ++i) {
            INFO(drives[i].source);
            CHECK(devices[i].size >= 3 * kMib); // vpc rounds up to its geometry
            std::vector<std::byte> bytes(kMib);
            REQUIRE(image.value()->read(i, 2 * kMib, bytes).ok());
            CHECK(bytes == std::vector<std::byte>(kMib, std::byte{'r'}));
        }
        image.value().reset();
        CHECK(guest->shutdown(Deadline{Millis{10'000}}).ok());
    }

    TEST_CASE("a drive that another writer holds is refused by name, and can be read all the same")
    {
        const Scratch scratch{"disks"};
        const auto image = make_image(scratch / "disk.img", kMib);
        const auto writer = must_launch(guest_options({{.source = image}}));
        const auto error = must_not_launch(guest_options({{.source = image}}));
        CHECK(error.errno_value == EBUSY);
        CHECK(error.text.find("disk.img") != std::string::npos);
        const auto reader = must_launch(guest_options({{.source = image, .read_only = true}}));
        CHECK(devices_of(*reader).size() == 1);
    }

    TEST_CASE("a drive that cannot be used is named with the cause")
    {
        const Scratch scratch{"disks"};
        std::string path;
        std::string cause;
        SUBCASE("missing")
        {
            path = scratch / "gone.img";
            cause = "No such file";
        }
        SUBCASE("a folder")
        {
            path = scratch.path();
            cause = "folder";
        }
        SUBCASE("empty")
        {
            path = make_image(scratch / "empty.img", 0);
            cause = "empty";
        }
        SUBCASE("backing file missing")
        {
            path = scratch / "top.qcow2";
            const auto base = make_image(scratch / "base.img", kMib);
            must_run({"qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", base, path});
            std::filesystem::remove(base);
            cause = base;
        }
        SUBCASE("truncated qcow2")
        {
            path = scratch / "cut.qcow2";
            write_file(scratch / "raw", std::string(4 * kMib, 'r'));
            must_run({"qemu-img", "convert", "-O", "qcow2", scratch / "raw", path});
            std::filesystem::resize_file(path, 2 * kMib);
            cause = "truncated";
        }
        SUBCASE("another format than the one that was named")
        {
            path = make_image(scratch / "raw.img", kMib);
            const auto error = must_not_launch(guest_options({{.source = path, .format = "qcow2"}}));
            CHECK(error.text.find("qcow2") != std::string::npos);
            path.clear();
        }
        SUBCASE("a format that nobody knows")
        {
            path = make_image(scratch / "raw.img", kMib);
            const auto error = must_not_launch(guest_options({{.source = path, .format = "zoo"}}));
            CHECK(error.text.find("'zoo'") != std::string::npos);
            path.clear();
        }
        if (!path.empty()) {
            const auto error = must_not_launch(guest_options({{.source = path, .read_only = true}}));
            CHECK(error.text.find(path) != std::string::npos);
            CHECK(error.text.find(cause) != std::string::npos);
        }
    }
}
