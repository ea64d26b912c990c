// SPDX-License-Identifier: GPL-2.0-or-later
//
// guestmount(1).
#include "mount/background.hpp"
#include "mount/checks.hpp"
#include "mount/domain/domain.hpp"
#include "mount/list.hpp"
#include "mount/serve.hpp"
#include "mount/tools_config.hpp"
#include "mount/version.hpp"

#include <cstdio>
#include <cstdlib>

namespace gm::mount {
namespace {

int show(const CommandLine& line)
{
    switch (line.action) {
    case Action::help:
        fmt::print("{}", help_text());
        break;
    case Action::version:
        fmt::print("guestmount {}\n", kVersion);
        break;
    case Action::fuse_help:
        fmt::print("{}", fuse_help_text());
        break;
    case Action::long_options:
        fmt::print("{}", long_options_text());
        break;
    case Action::short_options:
        fmt::print("{}", short_options_text());
        break;
    case Action::mount:
    case Action::list:
        break;
    }
    return std::fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

// In the order of the command line, as /dev/sda, /dev/sdb ... will be.
Result<void> add_domain_drives(Options& options)
{
    for (auto domain = options.domains.rbegin(); domain != options.domains.rend(); ++domain) {
        const auto drives = GM_TRY(domain_drives(domain->name, options.connection, options.read_only));
        const auto at = options.drives.begin() + static_cast<std::ptrdiff_t>(domain->position);
        options.drives.insert(at, drives.begin(), drives.end());
    }
    return {};
}

Result<void> check_disks(Options& options)
{
    GM_TRY(add_domain_drives(options));
    GM_TRY(load_key_files(options.keys));
    for (auto& drive : options.drives) {
        drive.source = absolute_source(drive.source);
    }
    return check_drives(options.drives);
}

Result<void> check(Options& options)
{
    options.mountpoint = GM_TRY(check_mountpoint(options.mountpoint));
    const auto fuse = GM_TRY(FuseOptions::parse(options.fuse_options));
    GM_TRY(check_fuse(fuse));
    if (fuse.ignore_case && !options.read_only) {
        return make_error(EINVAL, "-o ignore_case: works only with --ro");
    }
    GM_TRY(check_disks(options));
    if (!options.pid_file.empty()) {
        options.pid_file = absolute_source(options.pid_file);
        GM_TRY(check_pid_file(options.pid_file));
    }
    return {};
}

Result<int> run(int argc, char** argv)
{
    const auto environment = [](const char* name) { return static_cast<const char*>(std::getenv(name)); };
    auto line = GM_TRY(parse_command_line(std::vector<std::string>(argv, argv + argc),
                                          read_only_by_default(environment), environment));
    hide_secrets(argc, argv);
    if (line.action != Action::mount && line.action != Action::list) {
        return show(line);
    }
    auto key_input = line.options.keys_from_stdin ? KeyInput::standard_input(line.options.echo_keys)
                                                  : KeyInput::terminal(line.options.echo_keys);
    if (line.action == Action::list) {
        GM_TRY(check_disks(line.options));
        return list(line.options, key_input);
    }
    GM_TRY(check(line.options));
    return run_and_report(line.options.no_fork, [&](Report& report) { return serve(line.options, key_input, report); });
}

} // namespace
} // namespace gm::mount

int main(int argc, char** argv)
{
    try {
        const auto status = gm::mount::run(argc, argv);
        if (!status.ok()) {
            gm::mount::print_error(status.error());
            return EXIT_FAILURE;
        }
        return *status;
    } catch (const std::exception& failure) {
        gm::mount::print_error(gm::make_error(EIO, "{}", failure.what()));
        return EXIT_FAILURE;
    }
}
