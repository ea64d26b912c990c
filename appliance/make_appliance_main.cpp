// SPDX-License-Identifier: GPL-2.0-or-later
//
// guestmount-make-appliance: builds the appliance ahead of the first mount, or a fixed one into a folder.
#include "appliance/appliance_store.hpp"

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

gm::Result<ApplianceFiles> make(const std::string& folder, const gm::appliance::ProgressFn& progress)
{
    auto store = GM_TRY(ApplianceStore::from_environment());
    const gm::Deadline deadline{kPatience};
    return folder.empty() ? store.prepare(progress, deadline) : store.build_fixed(folder, progress, deadline);
}

int run(int argc, char** argv)
{
    CLI::App app{"Builds the appliance that guestmount starts: ahead of the first mount, or as a fixed appliance."};
    std::string folder;
    bool quiet = false;
    app.add_option("DIR", folder,
                   "build a fixed appliance into this new or empty folder, for LIBGUESTFS_PATH; "
                   "without it, the one in your cache folder is made ready");
    app.add_flag("-q,--quiet", quiet, "print nothing but errors");
    app.set_version_flag("-V,--version", "guestmount-make-appliance " GM_VERSION);
    CLI11_PARSE(app, argc, argv);

    ProgressLine line;
    const auto files = make(folder, [&](const Progress& progress) {
        if (!quiet) {
            line.show(progress);
        }
    });
    line.clear();
    if (!files.ok()) {
        fmt::print(stderr, "guestmount-make-appliance: {}\n", files.error().text);
        return 1;
    }
    if (!quiet) {
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
