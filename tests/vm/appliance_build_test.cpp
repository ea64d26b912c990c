// SPDX-License-Identifier: GPL-2.0-or-later
//
// The real appliance of this host: that it is built, small, whole, and that its tools find their libraries.
#include "appliance/appliance_store.hpp"
#include "core/base/subprocess.hpp"
#include "core/base/syscall.hpp"
#include "tests/support/requirements.hpp"
#include "tests/support/scratch.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>

using namespace gm;
using namespace gm::appliance;

namespace {

constexpr Millis kPatience = std::chrono::seconds{100};

std::uint64_t bytes_on_disk(const std::string& path)
{
    struct stat info {};
    REQUIRE(::stat(path.c_str(), &info) == 0);
    return static_cast<std::uint64_t>(info.st_blocks) * 512;
}

StoreSettings settings_in(const test::Scratch& scratch)
{
    StoreSettings settings;
    settings.cache_parent = scratch.path();
    settings.kernel = KernelChoice::from_environment();
    return settings;
}

} // namespace

TEST_SUITE("vm")
{
    TEST_CASE("the appliance of this host is built from its packages and is small")
    {
        test::require_vm();
        const test::Scratch scratch{"appliance"};
        const auto files = ApplianceStore{settings_in(scratch)}.prepare({}, Deadline{kPatience});
        REQUIRE_MESSAGE(files.ok(), test::problem(files));
        const auto total = bytes_on_disk(files->kernel) + bytes_on_disk(files->initrd) + bytes_on_disk(files->root);
        CHECK(total < std::uint64_t{100} << 20U);
        CHECK(bytes_on_disk(files->initrd) < std::uint64_t{24} << 20U); // copied into guest memory at each cold start
        std::string magic(4, '\0');
        const auto kernel = open_file(files->kernel, 0).take_value();
        REQUIRE(::pread(kernel.get(), magic.data(), magic.size(), 0) == 4);
        CHECK(magic == "\x7f"
                       "ELF"); // the guest need not unpack itself
    }

    TEST_CASE("the tools in the appliance find all their libraries")
    {
        test::require_vm();
        test::require_root();
        const test::Scratch scratch{"appliance"};
        const auto files = ApplianceStore{settings_in(scratch)}.prepare({}, Deadline{kPatience});
        REQUIRE_MESSAGE(files.ok(), test::problem(files));
        const std::string root = scratch / "root";
        const auto extracted = run_captured({"fsck.erofs", "--extract=" + root, files->root}, kPatience);
        REQUIRE_MESSAGE(extracted.ok(), test::problem(extracted));
        REQUIRE(extracted->status.success());
        const std::vector<std::vector<std::string>> tools{
            {"/sbin/lvm", "version"},      {"/sbin/dmsetup", "--help"},       {"/sbin/mdadm", "--version"},
            {"/sbin/blkid", "--version"},  {"/sbin/cryptsetup", "--version"}, {"/bin/btrfs", "version"},
            {"/bin/ntfs-3g", "--version"}, {"/sbin/modprobe", "--version"},   {"/sbin/e2fsck", "-V"},
            {"/sbin/xfs_repair", "-V"},    {"/sbin/fsck.fat", "--help"},      {"/bin/mount", "--version"}};
        for (const auto& tool : tools) {
            std::vector<std::string> argv{"chroot", root};
            argv.insert(argv.end(), tool.begin(), tool.end());
            const auto run = run_captured(argv, Millis{20'000});
            REQUIRE_MESSAGE(run.ok(), test::problem(run));
            INFO(tool.front());
            INFO(run->error_output);
            CHECK(run->error_output.find("error while loading shared libraries") == std::string::npos);
            CHECK(run->status.code != 127);
        }
    }
}
