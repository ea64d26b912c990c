// SPDX-License-Identifier: GPL-2.0-or-later
#include "mount/serve.hpp"

#include "core/base/log.hpp"
#include "core/base/syscall.hpp"
#include "core/guest/drive_uri.hpp"
#include "core/guest/guest.hpp"
#include "core/image/nbd_image.hpp"
#include "mount/caretaker.hpp"
#include "mount/fuse_options.hpp"
#include "mount/guest_mounts.hpp"
#include "mount/inspection.hpp"
#include "mount/launch.hpp"
#include "mount/log_output.hpp"
#include "mount/mount_list.hpp"
#include "mount/presence.hpp"
#include "mount/session.hpp"
#include "mount/signal_watch.hpp"
#include "mount/upkeep.hpp"

#include <csignal>
#include <sys/stat.h>
#include <unistd.h>

namespace gm::mount {
namespace {

constexpr Millis kShutdownLimit{10 * 60'000}; // writing out what is dirty; the guest reports that it goes on

// What shows that a mount is ready. It goes after the guest: whoever waits for its end takes the image for free then.
class Readiness {
public:
    Readiness(const Options& options, Caretaker& caretaker) : options_(options), caretaker_(caretaker) {}
    Readiness(const Readiness&) = delete;
    Readiness& operator=(const Readiness&) = delete;
    ~Readiness()
    {
        if (pid_file_written_) {
            ::unlink(options_.pid_file.c_str());
        }
    }

    // Waits for the first answer of the mount, then tells everybody. On another thread than the one that serves.
    Result<void> announce(const std::string& mountpoint, Report& report)
    {
        struct stat root = {};
        GM_TRY(sys([&] { return ::stat(mountpoint.c_str(), &root); },
                   [&] { return fmt::format("the mount on '{}'", mountpoint); }));
        const auto mount = GM_TRY(find_mount(mountpoint));
        if (mount) {
            // Never closed but by the end of this process, which is what guestunmount waits for.
            static_cast<void>(GM_TRY(announce_presence(mount->identity)).release());
        }
        if (!options_.pid_file.empty()) {
            GM_TRY(replace_file(options_.pid_file, fmt::format("{}\n", ::getpid()), 0644));
            pid_file_written_ = true;
            caretaker_.pid_file_written();
        }
        if (options_.ready_fd) {
            const std::byte zero{0};
            GM_TRY(write_all(*options_.ready_fd, {&zero, 1}));
            ::close(*options_.ready_fd);
        }
        return report.ready(options_.verbose || options_.trace);
    }

private:
    const Options& options_;
    Caretaker& caretaker_;
    bool pid_file_written_ = false;
};

// The drives as the host reads them beside the guest. None when qemu cannot show them: then all data comes through the
// guest.
std::unique_ptr<image::BlockSource> open_drives(Guest& guest, std::size_t count)
{
    constexpr std::size_t kMostDrives = 16; // of more, the first
    const auto drives = std::min(count, kMostDrives);
    const unsigned each = drives == 1 ? 2 : 1;
    auto sockets = guest.connect_block_exports(static_cast<unsigned>(drives) * each);
    if (!sockets.ok()) {
        log_debug("no direct reads: {}", sockets.error().text);
        return nullptr;
    }
    std::vector<image::NbdImage::Drive> exports(drives);
    for (std::size_t i = 0; i < sockets->size(); ++i) {
        exports[i / each].export_name = fmt::format("disk{}", i / each);
        exports[i / each].sockets.push_back(std::move(sockets.value()[i]));
    }
    auto image = image::NbdImage::connect(std::move(exports), {});
    if (!image.ok()) {
        log_debug("no direct reads: {}", image.error().text);
        return nullptr;
    }
    return image.take_value();
}

// Mounts and serves until the mount is gone.
Result<void> serve_mount(const Options& options, const std::vector<MountSpec>& mounts, Guest& guest,
                         SignalWatch& signals, Caretaker& caretaker, Readiness& readiness, Report& report)
{
    const auto fuse = GM_TRY(FuseOptions::parse(options.fuse_options));
    // A read-only file system keeps its names whatever it thinks of case.
    const bool fleeting_names = !options.read_only && ignores_case(guest.link(), mounts);
    const auto drives = options.read_only ? open_drives(guest, options.drives.size()) : nullptr;
    const auto filesystem = GM_TRY(Filesystem::make(guest.link(), {.read_only = options.read_only,
                                                                   .view = fuse.view,
                                                                   .name_timeout = fleeting_names ? 0 : kForEver,
                                                                   .ignore_case = fuse.ignore_case,
                                                                   .numbers_change = fleeting_names,
                                                                   .cache_size = options.cache_size,
                                                                   .drives = drives.get()}));
    const auto session = GM_TRY(Session::mount(
        *filesystem, options.mountpoint,
        {.mount_options = fuse.mount_options(options.read_only, without_password(options.drives.front().source)),
         .fuse_options = fuse.library_options(),
         .check_access = fuse.default_permissions}));
    caretaker.mounted();
    const Upkeep upkeep(*filesystem, guest.link());
    Result<void> announced;
    std::thread announcer([&] {
        announced = readiness.announce(session->mountpoint(), report);
        if (!announced.ok()) {
            session->unmount();
        }
    });
    signals.watch(
        [&] {
            log_debug("a signal came: unmounting");
            session->unmount();
        },
        [&] { log_warning("caches: {}", filesystem->counters_text()); });
    report.about_to_serve();
    const auto served = session->run();
    announcer.join();
    signals.stop_watching();
    if (const auto counters = filesystem->counters_text(); !counters.empty()) {
        log_debug("caches: {}", counters);
    }
    GM_TRY(announced);
    return served;
}

Result<std::vector<MountSpec>> mount_wanted(const Options& options, rpc::Link& link, Unlocker& unlocker,
                                            std::stop_token stop)
{
    if (options.inspect) {
        return mount_system(link, options.root, options.read_only, unlocker, std::move(stop));
    }
    if (options.all) {
        return mount_all(link, options.read_only, unlocker, std::move(stop));
    }
    return mount_in_guest(link, options.mounts, options.read_only, unlocker, std::move(stop));
}

Result<void> run(const Options& options, KeyInput& key_input, Report& report)
{
    auto signals = GM_TRY(SignalWatch::make());
    auto caretaker = GM_TRY(Caretaker::start(options.mountpoint, options.pid_file));
    log_to_standard_error(options.verbose, options.trace); // the library's first thread may start here
    Readiness readiness(options, caretaker);
    const auto guest = GM_TRY(launch_guest(options, signals));
    std::stop_source cancelled;
    signals.watch([&] { cancelled.request_stop(); });
    Unlocker unlocker(guest->link(), options.keys, key_input, options.read_only);
    auto mounted = mount_wanted(options, guest->link(), unlocker, cancelled.get_token());
    signals.stop_watching();
    if (signals.pending()) {
        return interrupted();
    }
    const auto mounts = GM_TRY(std::move(mounted));
    const auto served = serve_mount(options, mounts, *guest, signals, caretaker, readiness, report);
    const auto closed = guest->shutdown(Deadline{kShutdownLimit});
    GM_TRY(served);
    GM_TRY(closed);
    return {};
}

} // namespace

int serve(const Options& options, KeyInput& key_input, Report& report)
{
    std::signal(SIGPIPE, SIG_IGN);
    const auto result = run(options, key_input, report);
    if (!result.ok()) {
        report.failed(result.error());
        return 1;
    }
    return 0;
}

} // namespace gm::mount
