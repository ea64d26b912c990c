// SPDX-License-Identifier: GPL-2.0-or-later
//
// guestmount-make-appliance: builds the appliance ahead of the first mount and starts it once, which also saves the
// template that later mounts restore; or builds a fixed one into a folder.
#include "appliance/appliance_store.hpp"
#include "core/launch/qemu_launcher.hpp"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <unistd.h>

namespace {

using gm::appliance::ApplianceFiles;
using gm::appliance::ApplianceStore;
using gm::appliance::Progress;

constexpr gm::Millis kPatience = std::chrono::minutes{10};

// One line on a terminal, rewritten in place.
class ProgressLine {
public:
    ~ProgressLine() { clear(); }
    ProgressLine() = default;
    ProgressLine(const ProgressLine&) = delete;
    ProgressLine& operator=(const ProgressLine&) = delete;

    void show(const Progress& progress)
    {
        if (!terminal_) {
            return;
        }
        shown_ = true;
        if (progress.step == Progress::Step::waiting) {
            fmt::print(stderr, "\r\033[K{}", progress.text);
        } else {
            constexpr int kWidth = 40;
            const auto filled = static_cast<std::size_t>(progress.percent * kWidth / 100);
            fmt::print(stderr, "\r\033[K{:3}% [{:<{}}] {}", progress.percent, std::string(filled, '#'), kWidth,
                       progress.text);
        }
        std::fflush(stderr);
    }
    void clear()
    {
        if (shown_) {
            fmt::print(stderr, "\r\033[K");
            shown_ = false;
        }
    }

private:
    bool terminal_ = ::isatty(STDERR_FILENO) == 1;
    bool shown_ = false;
};

struct Wishes {
    std::string folder; // empty: the user's cache
    bool start = true;
    bool quiet = false;
};

// Proves that the appliance works here. A launch with a cache folder leaves a template behind when there is none.
gm::Result<void> start_once(const ApplianceFiles& files, ProgressLine& line)
{
    gm::launch::LaunchRequest request;
    request.appliance = files;
    request.settings = GM_TRY(gm::launch::MachineSettings::from_environment());
    request.cache_folder = GM_TRY(gm::appliance::private_cache_folder(gm::appliance::cache_parent()));
    request.notice = [&](const std::string& text) {
        line.clear();
        fmt::print(stderr, "guestmount-make-appliance: {}\n", text);
    };
    GM_TRY(gm::launch::launch(request)); // ends with its result
    return {};
}

gm::Result<ApplianceFiles> make(const Wishes& wishes, ProgressLine& line)
{
    auto store = GM_TRY(ApplianceStore::from_environment());
    const gm::Deadline deadline{kPatience};
    const auto progress = [&](const Progress& now) {
        if (!wishes.quiet) {
            line.show(now);
        }
    };
    if (!wishes.folder.empty()) {
        return store.build_fixed(wishes.folder, progress, deadline);
    }
    ApplianceFiles files = GM_TRY(store.prepare(progress, deadline));
    if (wishes.start) {
        progress({Progress::Step::building, "starting it once", 100});
        GM_TRY(start_once(files, line));
    }
    return files;
}

int run(int argc, char** argv)
{
    CLI::App app{"Builds the appliance that guestmount starts: ahead of the first mount, or as a fixed appliance."};
    Wishes wishes;
    bool only_build = false;
    app.add_option("DIR", wishes.folder,
                   "build a fixed appliance into this new or empty folder, for LIBGUESTFS_PATH; "
                   "without it, the one in your cache folder is made ready");
    app.add_flag("--no-start", only_build, "do not start the appliance once, which proves it and saves its template");
    app.add_flag("-q,--quiet", wishes.quiet, "print nothing but errors");
    app.set_version_flag("-V,--version", "guestmount-make-appliance " GM_VERSION);
    CLI11_PARSE(app, argc, argv);
    wishes.start = !only_build;

    ProgressLine line;
    const auto files = make(wishes, line);
    line.clear();
    if (!files.ok()) {
        fmt::print(stderr, "guestmount-make-appliance: {}\n", files.error().text);
        return 1;
    }
    if (!wishes.quiet) {
        fmt::print("{}\n", files.value().folder);
    }
    return 0;
}

} // namespace

int main(int argc, char** argv)
{
    try {
        return run(argc, argv);
    } catch (const std::exception& problem) {
        fmt::print(stderr, "guestmount-make-appliance: {}\n", problem.what());
        return 1;
    }
}
