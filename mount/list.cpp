// SPDX-License-Identifier: GPL-2.0-or-later
#include "mount/list.hpp"

#include "core/base/log.hpp"
#include "mount/inspection.hpp"
#include "mount/launch.hpp"
#include "mount/list_output.hpp"
#include "mount/log_output.hpp"
#include "mount/unlocker.hpp"

#include <csignal>
#include <cstdio>
#include <cstdlib>

namespace gm::mount {
namespace {

Result<DiskList> look(rpc::Link& link, const Options& options, KeyInput& key_input, const std::stop_token& stop)
{
    Unlocker unlocker(link, options.keys, key_input, options.read_only);
    GM_TRY(unlocker.open_all(stop));
    auto devices = GM_TRY(link.call<rpc::ListBlockDevices>({}, {.stop = stop}));
    auto contents = GM_TRY(link.call<rpc::ListFilesystems>({.with_usage = true}, {.stop = stop}));
    auto systems = GM_TRY(find_systems(link, stop));
    return DiskList{.devices = std::move(devices.devices),
                    .contents = std::move(contents.filesystems),
                    .systems = std::move(systems),
                    .warnings = unlocker.closed()};
}

} // namespace

Result<int> list(const Options& options, KeyInput& key_input)
{
    std::signal(SIGPIPE, SIG_IGN);
    auto signals = GM_TRY(SignalWatch::make());
    log_to_standard_error(options.verbose, options.trace);
    const auto guest = GM_TRY(launch_guest(options, signals));
    std::stop_source cancelled;
    signals.watch([&] { cancelled.request_stop(); });
    auto found = look(guest->link(), options, key_input, cancelled.get_token());
    signals.stop_watching();
    if (signals.pending()) {
        return interrupted();
    }
    const auto disks = GM_TRY(std::move(found));
    for (const auto& warning : options.json ? std::vector<std::string>{} : disks.warnings) {
        log_warning("{}", warning);
    }
    fmt::print("{}", options.json ? list_as_json(disks) : list_as_table(disks));
    return std::fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

} // namespace gm::mount
