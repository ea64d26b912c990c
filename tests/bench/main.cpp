// SPDX-License-Identifier: GPL-2.0-or-later
//
// gm_bench [launch] [files] --work FOLDER [--rounds N] [--only TEXT] [--reference PROGRAM | --no-reference]
// Measures this build against the reference guestmount and the kernel's loop mount, in turn. As root (loop mounts).
// Writes bench.json and bench.svg into the work folder; the images stay there for the next time.
#include "tests/bench/chart.hpp"
#include "tests/bench/launches.hpp"
#include "tests/bench/workloads.hpp"

#include "core/base/syscall.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <fcntl.h>
#include <filesystem>

namespace {

using namespace gm;
using namespace gm::bench;

struct Settings {
    std::string work;
    std::string reference = "/usr/bin/guestmount";
    std::string only;
    int rounds = 3;
    bool no_reference = false;
    std::vector<std::string> parts{"launch", "files"};
};

Result<void> write_whole(const std::string& path, const std::string& text)
{
    const auto file = GM_TRY(open_file(path, O_WRONLY | O_CREAT | O_TRUNC, 0644));
    return write_all(file.get(), std::as_bytes(std::span(text)));
}

Result<void> measure_all(const Settings& settings, Report& report)
{
    const auto wanted = [&](const char* part) { return std::ranges::count(settings.parts, part) != 0; };
    std::filesystem::create_directories(settings.work);
    GM_TRY(run({"bash", GM_BENCH_RECIPE, settings.work}));
    Contenders contenders;
    const auto cache = [&](const char* leaf) {
        std::filesystem::create_directories(settings.work + leaf);
        return settings.work + leaf;
    };
    contenders.push_back(our_guestmount(cache("/cache")));
    if (!settings.no_reference) {
        contenders.push_back(reference_guestmount(settings.reference, cache("/reference-cache")));
    }
    contenders.push_back(loop_mount());
    // Their appliances are built, and the images are in memory, before anything is measured.
    const MountJob warm_up{.image = settings.work + "/tree.img"};
    std::filesystem::create_directories(settings.work + "/mnt");
    for (const auto& contender : contenders) {
        GM_TRY(contender->mount(warm_up, settings.work + "/mnt"));
        GM_TRY(contender->unmount(settings.work + "/mnt"));
    }
    GM_TRY(shell("cat \"$1\"/*.img >/dev/null", settings.work));
    if (wanted("launch")) {
        GM_TRY(measure_launches(contenders, settings.rounds, settings.work, report));
    }
    if (wanted("files")) {
        for (const auto& workload : workloads(settings.work)) {
            if (workload.name.find(settings.only) != std::string::npos) {
                GM_TRY(measure(workload, contenders, settings.rounds, settings.work, report));
            }
        }
    }
    return {};
}

} // namespace

int main(int argc, char** argv)
{
    Settings settings;
    CLI::App app("Measures guestmount against the reference and the kernel's loop mount");
    app.add_option("parts", settings.parts, "launch, files; default: both");
    app.add_option("--work", settings.work, "folder for images and results")->required();
    app.add_option("--rounds", settings.rounds, "samples of each figure")->check(CLI::Range(1, 100));
    app.add_option("--only", settings.only, "workloads whose name contains this");
    app.add_option("--reference", settings.reference, "the other guestmount");
    app.add_flag("--no-reference", settings.no_reference, "leave it out");
    CLI11_PARSE(app, argc, argv);
    settings.work = std::filesystem::absolute(settings.work);
    Report report;
    auto done = measure_all(settings, report);
    std::printf("\n%s\n%s", machine_text().c_str(), report.table().c_str());
    if (done) {
        done = write_whole(settings.work + "/bench.json", report.json());
    }
    if (done) {
        done = write_whole(settings.work + "/bench.svg", chart(report));
    }
    if (!done) {
        std::fprintf(stderr, "gm_bench: %s\n", done.error().text.c_str());
    }
    return done ? 0 : 1;
}
