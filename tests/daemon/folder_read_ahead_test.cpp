// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/daemon/daemon_session.hpp"
#include "tests/daemon/loop_device.hpp"

#include <algorithm>
#include <filesystem>
#include <set>
#include <sstream>

using namespace gm;
using namespace gm::rpc;
using namespace gm::test;

namespace {

constexpr int kFolders = 400;

// Requests that a block device has read so far (Documentation/block/stat.rst of the kernel).
unsigned long reads_of(const LoopDevice& device)
{
    std::istringstream stat{read_file("/sys/block/" + device.name() + "/stat").take_value()};
    unsigned long reads = 0;
    stat >> reads;
    return reads;
}

// Whether the daemon, which runs in this process, has the device open.
bool is_open(const LoopDevice& device)
{
    return std::ranges::any_of(std::filesystem::directory_iterator{"/proc/self/fd"}, [&](const auto& fd) {
        std::error_code gone;
        return std::filesystem::read_symlink(fd, gone) == device.path();
    });
}

} // namespace

TEST_CASE("one request of the drive serves the folders that lie side by side")
{
    const Scratch tree{"folders"};
    for (int i = 0; i < kFolders; ++i) {
        std::filesystem::create_directories(tree / fmt::format("{}/inner{}", i, i));
    }
    const FreshImage image{"ext4", {"-d", tree.path(), "-O", "^inline_data"}};
    const LoopDevice drive{image.file()};
    DaemonSession session{{drive.name()}};
    session.must<MountFilesystem>(
        {.device = "/dev/sda", .mountpoint = "/", .options = "", .type = "", .read_only = true});
    std::set<std::string> seen;
    const auto before = reads_of(drive);
    for (int i = 0; i < kFolders; ++i) {
        const auto listed = session.must<ReadDir>(
            {.folder = {kRoot, std::to_string(i)}, .offset = 0, .max_bytes = 65'536, .with_attrs = true});
        for (const auto& entry : listed.entries) {
            seen.insert(entry.name);
        }
    }
    CHECK(seen.size() == kFolders + 2); // and . and ..
    CHECK(seen.contains("inner399"));
    CHECK(reads_of(drive) - before < kFolders / 3);
    CHECK(is_open(drive));
    session.must<UnmountAll>({});
    CHECK(!is_open(drive));
}
