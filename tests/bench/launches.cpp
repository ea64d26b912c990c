// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/bench/launches.hpp"

#include "core/base/syscall.hpp"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <filesystem>
#include <sys/stat.h>
#include <thread>

namespace gm::bench {
namespace {

namespace fs = std::filesystem;

struct Memory {                     // of processes, in KiB
    std::uint64_t own = 0;          // not shared with anybody
    std::uint64_t proportional = 0; // shared pages divided among those who share
};

std::uint64_t field(const std::string& text, std::string_view name)
{
    std::uint64_t value = 0;
    const auto at = text.find(name);
    if (at != std::string::npos) {
        const auto digits = text.find_first_of("0123456789", at + name.size());
        if (digits != std::string::npos) {
            std::from_chars(text.data() + digits, text.data() + text.size(), value);
        }
    }
    return value;
}

// Of all qemu and guestmount processes that were started for this folder's images.
Memory memory_of_mounts(const std::string& work)
{
    Memory all;
    std::error_code ignored;
    for (const auto& process : fs::directory_iterator("/proc", ignored)) {
        const auto command = read_file(process.path() / "cmdline", 1 << 20);
        const auto program = read_file(process.path() / "comm", 64);
        if (!command.ok() || !program.ok() || command->find(work) == std::string::npos ||
            (!program->starts_with("qemu") && !program->starts_with("guestmount"))) {
            continue;
        }
        if (const auto maps = read_file(process.path() / "smaps_rollup", 1 << 16); maps.ok()) {
            all.own += field(maps.value(), "Private_Clean:") + field(maps.value(), "Private_Dirty:");
            all.proportional += field(maps.value(), "\nPss:");
        }
    }
    return all;
}

std::uint64_t disk_usage(const std::string& folder) // bytes
{
    std::uint64_t blocks = 0;
    for (const auto& entry : fs::recursive_directory_iterator(folder)) {
        struct stat attr = {};
        if (::lstat(entry.path().c_str(), &attr) == 0) {
            blocks += static_cast<std::uint64_t>(attr.st_blocks);
        }
    }
    return blocks * 512;
}

std::string memory_text(const char* what, const Memory& memory)
{
    return fmt::format("{}: {} MiB private, {} MiB proportional", what, memory.own >> 10, memory.proportional >> 10);
}

Result<void> measure_ready(const std::string& name, const MountJob& job, const Contenders& contenders, int rounds,
                           const std::string& work, const Environment& environment, Report& report)
{
    const std::string folder = work + "/mnt";
    fs::create_directories(folder);
    const std::string gone = name + ", unmount";
    for (int round = 0; round < rounds; ++round) {
        for (const auto& contender : contenders) {
            if (contender->can(job)) {
                report.add(name, contender->name(), GM_TRY(contender->mount(job, folder, environment)));
                report.add(gone, contender->name(), GM_TRY(contender->unmount(folder)));
            }
        }
    }
    std::fputs((report.row_text(name) + report.row_text(gone)).c_str(), stdout);
    std::fflush(stdout);
    return {};
}

Result<void> measure_ten(Contender& ours, const MountJob& job, int rounds, const std::string& work, Report& report)
{
    constexpr std::size_t kMany = 10;
    const std::string name = "10 mounts at once";
    const auto folder = [&](std::size_t i) { return fmt::format("{}/mnt{}", work, i); };
    for (int round = 0; round < rounds; ++round) {
        std::vector<Result<Seconds>> mounted(kMany, Result<Seconds>{0.0});
        const auto begun = std::chrono::steady_clock::now();
        {
            std::vector<std::jthread> threads;
            for (std::size_t i = 0; i < kMany; ++i) {
                fs::create_directories(folder(i));
                threads.emplace_back([&, i] { mounted[i] = ours.mount(job, folder(i)); });
            }
        }
        const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
        if (round == 0) {
            report.note(memory_text("memory of 10 mounts", memory_of_mounts(work)));
        }
        for (std::size_t i = 0; i < kMany; ++i) {
            if (mounted[i].ok()) {
                GM_TRY(ours.unmount(folder(i)));
            }
        }
        for (const auto& one : mounted) {
            GM_TRY(one);
        }
        report.add(name, ours.name(), took.count());
    }
    std::fputs(report.row_text(name).c_str(), stdout);
    return {};
}

} // namespace

Result<void> measure_launches(const Contenders& contenders, int rounds, const std::string& work, Report& report)
{
    const MountJob raw{.image = work + "/tree.img"};
    const MountJob chain{.image = work + "/tree-chain.qcow2", .loop_can = false};
    const auto ours = std::ranges::find(contenders, kOurs, &Contender::name);
    const std::string folder = work + "/mnt";
    fs::create_directories(folder);
    if (ours != contenders.end()) {
        const std::string fresh = work + "/fresh-cache";
        fs::remove_all(fresh);
        fs::create_directories(fresh);
        const Environment environment{"LIBGUESTFS_CACHEDIR=" + fresh};
        const std::string name = "first launch, nothing cached";
        report.add(name, kOurs, GM_TRY((*ours)->mount(raw, folder, environment)));
        GM_TRY((*ours)->unmount(folder));
        report.note(fmt::format("the cache folder takes {} MiB", disk_usage(fresh) >> 20));
        fs::remove_all(fresh);
        std::fputs(report.row_text(name).c_str(), stdout);
    }
    GM_TRY(measure_ready("cold boot", raw, contenders, rounds, work,
                         {"LIBGUESTFS_BACKEND_SETTINGS=force_tcg:no_template"}, report));
    GM_TRY(measure_ready("ready, raw", raw, contenders, rounds, work, {}, report));
    GM_TRY(measure_ready("ready, qcow2 chain", chain, contenders, rounds, work, {}, report));
    if (ours != contenders.end()) {
        GM_TRY((*ours)->mount(raw, folder));
        report.note(memory_text("memory of 1 mount", memory_of_mounts(work)));
        GM_TRY((*ours)->unmount(folder));
        GM_TRY(measure_ten(**ours, raw, rounds, work, report));
    }
    return {};
}

} // namespace gm::bench
