// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/support/work_disk.hpp"

#include "tests/support/leftovers.hpp"
#include "tests/support/program.hpp"
#include "tests/support/requirements.hpp"
#include "tests/support/tree.hpp"

#include <doctest/doctest.h>
#include <fmt/ranges.h>

namespace gm::test {
namespace {

struct Tools {
    std::vector<std::string> make;
    std::vector<std::string> check;
};

Tools tools_for(const std::string& type)
{
    if (type == "xfs") {
        return {{"mkfs.xfs", "-q", "-f"}, {"xfs_repair", "-n"}};
    }
    if (type == "btrfs") {
        return {{"mkfs.btrfs", "-q", "-f"}, {"btrfs", "check", "--readonly"}};
    }
    return {{"mke2fs", "-q", "-F", "-t", type}, {"e2fsck", "-fn"}};
}

} // namespace

WorkDisk::WorkDisk(const std::string& type, const std::vector<std::string>& options)
    : type_(type), image_(folder_ / "disk.img")
{
    must_run({"truncate", "-s", "1G", image_});
    auto argv = tools_for(type).make;
    argv.push_back(image_);
    must_run(argv);
    std::vector<std::string> all{"-a", image_, "-m", "/dev/sda", "--rw"};
    all.insert(all.end(), options.begin(), options.end());
    mount_.emplace(all);
}

void WorkDisk::verify()
{
    auto seen = scan_tree(mount_->path());
    REQUIRE_MESSAGE(seen.ok(), problem(seen));
    mount_->unmount();
    check_soundness();
    loop_.emplace(image_);
    auto kept = scan_tree(loop_->path());
    REQUIRE_MESSAGE(kept.ok(), problem(kept));
    // How many blocks a file takes is settled only when its data is on the disk.
    const auto lines = differences(*kept, *seen, {.blocks = false});
    CHECK_MESSAGE(lines.empty(), fmt::format("{}", fmt::join(lines, "\n")));
}

void WorkDisk::abandon()
{
    run({"fusermount3", "-u", mount_->path()}); // a guestmount that lost its guest may have unmounted by itself
    mount_.reset();
    CHECK(our_mounts().empty());
}

void WorkDisk::recover()
{
    if (type_ == "ext4") {
        const Outcome repaired = run({"e2fsck", "-fy", image_});
        const bool usable = !repaired.timed_out && !repaired.status.signalled && repaired.status.code <= 1;
        REQUIRE_MESSAGE(usable, repaired.text());
    } else {
        LoopMount(image_, "rw").unmount();
    }
    check_soundness();
    loop_.emplace(image_);
}

void WorkDisk::check_soundness() const
{
    auto check = tools_for(type_).check;
    check.push_back(image_);
    const Outcome checked = run(check);
    CHECK_MESSAGE(checked.success(), checked.text());
}

} // namespace gm::test
