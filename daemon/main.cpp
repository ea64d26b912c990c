// SPDX-License-Identifier: LGPL-2.1-or-later
//
// guestfsd. As process 1 of the appliance it boots it and serves the host over the port; by hand and in tests
// `guestfsd --serve-fd N --root FOLDER [--drive NAME]...` serves a folder over a socket that it inherits.
#include "core/base/log.hpp"
#include "daemon/boot.hpp"
#include "daemon/serve.hpp"

#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <malloc.h>
#include <string_view>
#include <sys/reboot.h>
#include <unistd.h>

using namespace gm;

namespace {

constexpr unsigned kWorkers = 8; // overlapping reads of the drives, and a slow call does not hold back a quick one
constexpr const char* kSysroot = "/sysroot";

// Memory that a call gave back is kept for the next one: to map and clear pages again costs an emulated processor more
// than the call itself.
void keep_memory()
{
    constexpr int kMost = 64 << 20; // bytes
    ::mallopt(M_MMAP_THRESHOLD, kMost);
    ::mallopt(M_TRIM_THRESHOLD, kMost);
}

Result<void> serve(int channel, daemon::HandlersOptions options)
{
    const auto handlers = GM_TRY(daemon::Handlers::open(std::move(options)));
    return daemon::serve(channel, *handlers, kWorkers);
}

Result<void> serve_appliance()
{
    const UniqueFd port = GM_TRY(daemon::boot());
    return serve(port.get(), {.root = kSysroot, .drives = {}, .appliance = true});
}

[[noreturn]] void run_appliance()
{
    const auto outcome = serve_appliance();
    if (!outcome.ok()) {
        log_line(LogLevel::error, "guestfsd: " + outcome.error().text);
    }
    ::sync(); // the host went away without saying goodbye: what it wrote is still worth keeping
    ::reboot(RB_POWER_OFF);
    std::_Exit(EXIT_FAILURE); // process 1 must not return; the kernel panics and qemu ends
}

int usage()
{
    std::fputs("usage: guestfsd --serve-fd N --root FOLDER [--drive KERNEL-NAME]...\n", stderr);
    return EXIT_FAILURE;
}

int run_by_hand(int argc, char** argv)
{
    int channel = -1;
    daemon::HandlersOptions options;
    for (int i = 1; i + 1 < argc; i += 2) {
        const std::string_view option = argv[i];
        const std::string_view value = argv[i + 1];
        if (option == "--serve-fd") {
            std::from_chars(value.data(), value.data() + value.size(), channel);
        } else if (option == "--root") {
            options.root = value;
        } else if (option == "--drive") {
            options.drives.emplace_back(value);
        } else {
            return usage();
        }
    }
    if (channel < 0 || options.root.empty() || argc % 2 == 0) {
        return usage();
    }
    const auto outcome = serve(channel, std::move(options));
    if (!outcome.ok()) {
        log_line(LogLevel::error, "guestfsd: " + outcome.error().text);
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}

} // namespace

int main(int argc, char** argv)
{
    std::signal(SIGPIPE, SIG_IGN);
    keep_memory();
    if (::getpid() == 1) {
        run_appliance();
    }
    return run_by_hand(argc, argv);
}
