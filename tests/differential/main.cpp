// SPDX-License-Identifier: GPL-2.0-or-later
//
// gm_differential --a FOLDER --b FOLDER [--seed N] [--calls N] [--no-shrink] [--no-folder-sizes]
// Exit status 0 when both folders behaved alike, 1 with a report when not.
#include "tests/differential/differential.hpp"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <sys/stat.h>

int main(int argc, char** argv)
{
    gm::test::DifferentialOptions options;
    bool no_shrink = false;
    CLI::App app("Performs the same random file system calls in two folders and compares what they do");
    app.add_option("--a", options.folder_a, "the folder under test")->required();
    app.add_option("--b", options.folder_b, "the folder that is right")->required();
    app.add_option("--seed", options.seed, "makes the sequence");
    app.add_option("--calls", options.calls, "how many");
    bool no_folder_sizes = false;
    app.add_flag("--no-folder-sizes", no_folder_sizes, "do not compare the sizes of folders");
    app.add_flag("--no-shrink", no_shrink, "report the whole sequence");
    CLI11_PARSE(app, argc, argv);
    options.shrink = !no_shrink;
    options.folder_sizes = !no_folder_sizes;
    ::umask(0022);
    if (const auto difference = gm::test::first_difference(options)) {
        std::puts(difference->c_str());
        return 1;
    }
    std::printf("seed %llu: %zu calls, no difference\n", static_cast<unsigned long long>(options.seed), options.calls);
    return 0;
}
