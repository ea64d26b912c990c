// SPDX-License-Identifier: GPL-2.0-or-later
//
// The same random calls on our mount and on the kernel's mount of an identical image, every answer compared.
// GM_TEST_SEED and GM_TEST_CALLS choose another sequence.
#include "tests/differential/differential.hpp"
#include "tests/support/guest_mount.hpp"
#include "tests/support/loop_mount.hpp"
#include "tests/support/program.hpp"
#include "tests/support/requirements.hpp"
#include "tests/support/tree.hpp"

#include <cstdlib>
#include <doctest/doctest.h>
#include <fmt/ranges.h>
#include <sys/stat.h>

namespace {

using namespace gm::test;

std::uint64_t from_environment(const char* name, std::uint64_t otherwise)
{
    const char* text = std::getenv(name);
    return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

void behaves_like_the_kernel(const std::vector<std::string>& make, std::vector<std::string> check,
                             bool folder_sizes = true)
{
    require_fuse();
    require_vm();
    require_root();
    const Scratch folder("differential");
    const std::string tested = folder / "tested.img";
    const std::string right = folder / "right.img";
    must_run({"truncate", "-s", "1G", tested});
    auto argv = make;
    argv.push_back(tested);
    must_run(argv);
    must_run({"cp", "--sparse=always", tested, right});
    ::umask(0022);
    {
        GuestMount mount({"-a", tested, "-m", "/dev/sda", "--rw"});
        const LoopMount loop(right, "rw,nodev,nosuid"); // as every mount of FUSE is
        const auto difference = first_difference({.folder_a = mount.path(),
                                                  .folder_b = loop.path(),
                                                  .seed = from_environment("GM_TEST_SEED", 1),
                                                  .calls = from_environment("GM_TEST_CALLS", 8'000),
                                                  .folder_sizes = folder_sizes});
        CHECK_MESSAGE(!difference, difference.value_or(""));
        mount.unmount();
    }
    check.push_back(tested);
    const Outcome checked = run(check);
    CHECK_MESSAGE(checked.success(), checked.text());
}

} // namespace

TEST_SUITE("e2e")
{
    TEST_CASE("random calls on an ext4 disk do what the kernel's own mount does")
    {
        behaves_like_the_kernel({"mke2fs", "-q", "-F", "-t", "ext4"}, {"e2fsck", "-fn"});
    }
    // How many entries fit into the inode of an xfs folder differs between kernels, and with it the folder's size.
    TEST_CASE("random calls on an xfs disk do what the kernel's own mount does")
    {
        behaves_like_the_kernel({"mkfs.xfs", "-q", "-f"}, {"xfs_repair", "-n"}, false);
    }
    TEST_CASE("random calls on a btrfs disk do what the kernel's own mount does")
    {
        behaves_like_the_kernel({"mkfs.btrfs", "-q", "-f"}, {"btrfs", "check", "--readonly"});
    }
}
