// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/guest/guest.hpp"

#include "core/guest/block_exports.hpp"
#include "core/guest/disks.hpp"

namespace gm {
namespace {

constexpr Millis kPlugLimit{20'000};
constexpr Millis kNoticeEnd{500};
constexpr Millis kQuitAtLeast{2'000}; // for qemu to write out its caches, even when the guest took all the time
constexpr Millis kExportLimit{10'000};

Result<std::vector<DriveSource>> open_sources(const std::vector<Drive>& drives, RemoteDisks& remotes)
{
    constexpr std::size_t most = 255; // of the SCSI bus
    if (drives.size() > most) {
        return make_error(EINVAL, "{} drives are too many: at most {}", drives.size(), most);
    }
    std::vector<DriveSource> sources;
    for (const auto& drive : drives) {
        sources.push_back(GM_TRY(DriveSource::open(drive, remotes)));
    }
    return sources;
}

Error death_of(const launch::Failure& failure)
{
    return make_error(ENOTCONN, "the appliance has died: {}", failure.text);
}

} // namespace

Guest::Guest(launch::Launched launched, std::unique_ptr<RemoteDisks> remotes, GuestOptions options)
    : options_(std::move(options)), remotes_(std::move(remotes)), launched_(std::move(launched))
{
}

Guest::~Guest()
{
    announce_death_ = false;
}

Result<std::unique_ptr<Guest>> Guest::launch(GuestOptions options)
{
    auto remotes = std::make_unique<RemoteDisks>(options.cancel_fd);
    const auto sources = GM_TRY(open_sources(options.drives, *remotes));
    launch::LaunchRequest request{.appliance = options.appliance,
                                  .settings = options.settings,
                                  .cache_folder = options.cache_folder,
                                  .cancel_fd = options.cancel_fd,
                                  .echo = options.echo_console,
                                  .notice = options.notice};
    launch::Launched launched = GM_TRY(launch::launch(request));
    std::unique_ptr<Guest> guest{new Guest(std::move(launched), std::move(remotes), std::move(options))};
    guest->launched_.qemu->on_end([raw = guest.get()](const launch::Failure& failure) { raw->end(failure); });
    if (auto attached = guest->attach_drives(sources); !attached) {
        const bool broken = attached.error().errno_value == ENOTCONN;
        const auto failure = guest->launched_.qemu->failure(broken ? kNoticeEnd : Millis{0});
        if (!failure) {
            return attached.take_error();
        }
        return failure->kind == launch::Failure::Kind::cancelled ? make_error(ECANCELED, "cancelled")
                                                                 : death_of(*failure);
    }
    guest->launched_.qemu->launched();
    guest->announce_death_ = true;
    return guest;
}

Result<void> Guest::attach_drives(const std::vector<DriveSource>& sources)
{
    if (sources.empty()) {
        return {};
    }
    const Deadline deadline{kPlugLimit};
    GM_TRY(plug_disks(launched_.qemu->qmp(), sources, deadline));
    remotes_->hide();
    GM_TRY(call<rpc::WaitForDisks>({.count = static_cast<std::uint32_t>(sources.size()),
                                    .timeout_ms = static_cast<std::uint32_t>(deadline.left().count())}));
    return {};
}

void Guest::end(const launch::Failure& failure)
{
    const Error error = death_of(failure);
    launched_.link->fail(error);
    State expected = State::ready;
    if (!state_.compare_exchange_strong(expected, State::dead) && expected == State::closed) {
        return;
    }
    if (announce_death_ && options_.on_death) {
        options_.on_death(error);
    }
}

Guest::LaunchFacts Guest::facts() const
{
    return {
        .accelerator = launched_.accelerator, .from_template = launched_.from_template, .qemu = launched_.qemu->pid()};
}

Result<void> Guest::shutdown(Deadline deadline)
{
    State expected = State::ready;
    // The link notices the end of qemu before the process is gone.
    if (!state_.compare_exchange_strong(expected, launched_.link->alive() ? State::closed : State::dead) &&
        expected == State::closed) {
        return {};
    }
    if (state_ == State::dead) {
        const auto failure = launched_.qemu->failure(kNoticeEnd);
        return failure ? death_of(*failure) : make_error(ENOTCONN, "the appliance has died");
    }
    auto unmounted = call<rpc::UnmountAll>({}, {.limit = deadline.left()});
    auto ended = launched_.qemu->quit(Deadline{std::max(deadline.left(), kQuitAtLeast)});
    if (!unmounted) {
        return with_context(unmounted.take_error(), "not everything could be written");
    }
    return ended;
}

Result<std::vector<UniqueFd>> Guest::connect_block_exports(unsigned count)
{
    return gm::connect_block_exports(launched_.qemu->qmp(), static_cast<unsigned>(options_.drives.size()), count,
                                     Deadline{kExportLimit});
}

} // namespace gm
