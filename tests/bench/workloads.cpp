// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/bench/workloads.hpp"

#include <cstdio>
#include <filesystem>

namespace gm::bench {
namespace {

const char* const kRandomReads =
    "perl -e 'srand 1; open F, \"<:raw:unix\", $ARGV[0] or die; for (1..2000) { sysseek F, "
    "4096 * int rand 262144, 0; sysread(F, $b, 4096) == 4096 or die }' \"$1/big\"";
const char* const kSequentialRead = "dd if=\"$1/big\" of=/dev/null bs=1M count=512 2>&1";
const char* const kUntar = "tar -C \"$1\" -xf \"$1/2000.tar\"; sync -f \"$1\"";

} // namespace

std::vector<Workload> workloads(const std::string& work)
{
    const auto on = [&](const char* image, std::vector<std::string> options = {}) {
        return MountJob{.image = work + "/" + image, .options = std::move(options)};
    };
    const auto writing = [&](const char* image) { return MountJob{.image = work + "/" + image, .read_only = false}; };
    // A reader that does not fill the terminal: tar itself reads nothing when it writes to /dev/null.
    return {
        {"find -ls, 20,000 files", on("tree.img"), "", "find \"$1/tree\" -ls"},
        {"find -ls again", on("tree.img"), "", "find \"$1/tree\" -ls", 2},
        {"tar, 9,000 small files", on("tree.img"), "", "tar -C \"$1\" -cf - small | cat >/dev/null"},
        {"tar --xattrs --acls, 10,000 files", on("tree.img"), "",
         "tar -C \"$1\" --xattrs --acls -cf - half | cat >/dev/null"},
        {"rsync of 9,000 files", on("tree.img"), "rm -rf /tmp/gm-bench-copy",
         "rsync -a \"$1/small\" /tmp/gm-bench-copy"},
        {"2,000 random 4 KiB reads", on("tree.img"), "", kRandomReads},
        {"read 512 MiB", on("tree.img"), "", kSequentialRead},
        {"8 readers of 64 MiB each", on("tree.img"), "",
         "for i in 0 1 2 3 4 5 6 7; do dd if=\"$1/big\" of=/dev/null bs=1M skip=$((i*64)) count=64 2>/dev/null & done; "
         "wait"},
        {"2,000 random 4 KiB reads, btrfs", on("btrfs.img"), "", kRandomReads},
        {"read 512 MiB, btrfs", on("btrfs.img"), "", kSequentialRead},
        {"write 128 MiB + fsync", writing("empty.img"), "",
         "dd if=/dev/zero of=\"$1/new\" bs=1M count=128 conv=fsync 2>&1"},
        {"untar 2,000 files + sync", writing("empty.img"), "", kUntar},
        {"rm -rf 2,000 files", writing("empty.img"), kUntar, "rm -rf \"$1/files\"; sync -f \"$1\""},
        {"200,000 files: find -ls", on("many.img"), "", "find \"$1\" -ls"},
        {"200,000 files in one folder: ls", on("many.img"), "", "ls -f \"$1/one\" | tail -n 1"},
    };
}

Result<void> measure(const Workload& workload, const Contenders& contenders, int rounds, const std::string& work,
                     Report& report)
{
    const std::string folder = work + "/mnt";
    std::filesystem::create_directories(folder);
    for (int round = 0; round < rounds; ++round) {
        for (const auto& contender : contenders) {
            MountJob job = workload.job;
            if (!contender->can(job)) {
                continue;
            }
            if (!job.read_only) {
                job.image = work + "/written.img";
                GM_TRY(run({"cp", "--sparse=always", workload.job.image, job.image}));
                GM_TRY(run({"sync", job.image}));
            }
            GM_TRY(contender->mount(job, folder));
            Result<Seconds> took{0.0};
            if (!workload.prepare.empty()) {
                took = shell(workload.prepare, folder);
            }
            for (int i = 0; i < workload.times && took.ok(); ++i) {
                took = shell(workload.script, folder);
            }
            GM_TRY(contender->unmount(folder));
            if (took.ok()) {
                report.add(workload.name, contender->name(), took.value());
            } else if (round == 0) {
                report.note(fmt::format("{} failed: {}: {}", contender->name(), workload.name, took.error().text));
            }
        }
    }
    std::fputs(report.row_text(workload.name).c_str(), stdout);
    std::fflush(stdout);
    return {};
}

} // namespace gm::bench
