// SPDX-License-Identifier: GPL-2.0-or-later
#include "mount/launch.hpp"

#include "core/base/log.hpp"
#include "mount/progress_bar.hpp"

namespace gm::mount {
namespace {

constexpr Millis kApplianceLimit{10 * 60'000};

} // namespace

Error interrupted()
{
    return make_error(ECANCELED, "interrupted");
}

Result<std::unique_ptr<Guest>> launch_guest(const Options& options, const SignalWatch& signals)
{
    GuestOptions wanted;
    {
        ProgressBar bar;
        auto store = GM_TRY(appliance::ApplianceStore::from_environment());
        wanted.appliance = GM_TRY(
            store.prepare([&](const appliance::Progress& progress) { bar.show(progress); }, Deadline{kApplianceLimit}));
    }
    wanted.settings = GM_TRY(launch::MachineSettings::from_environment());
    wanted.settings.verbose = options.verbose;
    auto cache = appliance::private_cache_folder(appliance::cache_parent());
    wanted.cache_folder = cache.ok() ? cache.take_value() : std::string{};
    wanted.drives = options.drives;
    wanted.cancel_fd = signals.descriptor();
    wanted.echo_console = options.verbose;
    wanted.notice = [](const std::string& line) { log_warning("{}", line); };
    wanted.on_death = [](const Error& reason) { log_warning("{}", reason.text); };
    auto guest = Guest::launch(std::move(wanted));
    if (!guest.ok() && guest.error().errno_value == ECANCELED) {
        return interrupted();
    }
    return guest;
}

} // namespace gm::mount
