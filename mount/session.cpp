// SPDX-License-Identifier: GPL-2.0-or-later
#include "mount/session.hpp"

#include "core/base/syscall.hpp"
#include "mount/fuse_channel.hpp"

#include <csignal>
#include <cstdarg>
#include <fcntl.h>
#include <pthread.h>
#include <thread>

namespace gm::mount {
namespace {

// One blocks on a call of the guest while the others serve; the link takes as many calls as we have threads.
constexpr unsigned kMaxThreads = 32;
constexpr unsigned kMaxIdleThreads = 12;
constexpr Millis kKickInterval{20};

// Interrupts the wait of libfuse's loop for its workers, which looks at the exit flag only then.
constexpr int kKick = SIGUSR1;

__attribute__((format(printf, 2, 0))) void log_from_fuse(fuse_log_level level, const char* format, std::va_list values)
{
    char line[512];
    std::vsnprintf(line, sizeof line, format, values);
    std::string_view text = line;
    while (text.ends_with('\n')) {
        text.remove_suffix(1);
    }
    log(level <= FUSE_LOG_ERR ? LogLevel::warning : LogLevel::debug, "fuse: {}", text);
}

} // namespace

Result<std::unique_ptr<Session>> Session::mount(Filesystem& filesystem, const std::string& mountpoint,
                                                const SessionOptions& options)
{
    auto mounted = GM_TRY(FuseMount::make(mountpoint, options.mount_options));
    std::unique_ptr<Session> session(new Session(filesystem, options, std::move(mounted)));
    GM_TRY(session->start(options));
    return session;
}

Session::Session(Filesystem& filesystem, const SessionOptions& options, FuseMount mount)
    : context_{.filesystem = filesystem,
               .write_back_cache = !filesystem.read_only(),
               .check_access = options.check_access},
      mount_(std::move(mount))
{
}

Session::~Session()
{
    context_.filesystem.settle(); // what fails then tells the kernel by way of this session
}

Result<void> Session::start(const SessionOptions& options)
{
    fuse_set_log_func(log_from_fuse);
    fuse_args args{};
    fuse_opt_add_arg(&args, "guestmount");
    for (const auto& option : options.fuse_options) {
        fuse_opt_add_arg(&args, ("-o" + option).c_str());
    }
    const auto ops = operations(context_.filesystem.read_only());
    session_.reset(fuse_session_new(&args, &ops, sizeof ops, &context_));
    fuse_opt_free_args(&args);
    if (!session_) {
        return make_error(EINVAL, "the FUSE library refused these options");
    }
    // The library closes the descriptor that it gets; the mount keeps its own, to see whether it is still attached.
    UniqueFd device(GM_TRY(sys([&] { return ::fcntl(mount_.device(), F_DUPFD_CLOEXEC, 0); }, "dup of /dev/fuse")));
    const auto io = fuse_channel();
    if (fuse_session_custom_io(session_.get(), &io, device.get()) != 0) {
        return make_error(ENOMEM, "the FUSE library did not take the device");
    }
    static_cast<void>(device.release());
    invalidator_ = std::make_unique<Invalidator>(session_.get());
    context_.filesystem.set_notices(
        {.attributes_changed = [this](InodeId inode) { invalidator_->attributes_changed(inode); },
         .write_back = [this](InodeId inode) { return invalidator_->write_back(inode); }});
    return {};
}

Result<void> Session::run()
{
    struct sigaction kick = {};
    kick.sa_handler = [](int) {};
    ::sigaction(kKick, &kick, nullptr); // no SA_RESTART: the wait must end

    const std::unique_ptr<fuse_loop_config, decltype(&fuse_loop_cfg_destroy)> config(fuse_loop_cfg_create(),
                                                                                     fuse_loop_cfg_destroy);
    fuse_loop_cfg_set_clone_fd(config.get(), 0);
    fuse_loop_cfg_set_max_threads(config.get(), kMaxThreads);
    fuse_loop_cfg_set_idle_threads(config.get(), kMaxIdleThreads);
    runner_ = ::pthread_self();
    running_ = true;
    const int failure = fuse_session_loop_mt(session_.get(), config.get());
    running_ = false;
    if (failure < 0) {
        return system_error(-failure, "serving the mount");
    }
    return {};
}

void Session::stop()
{
    while (running_) { // a kick that comes before the wait is lost, so it is repeated
        fuse_session_exit(session_.get());
        ::pthread_kill(runner_, kKick);
        std::this_thread::sleep_for(kKickInterval);
    }
}

void Session::unmount()
{
    const auto& path = mount_.mountpoint();
    {
        const auto folder = open_file(path, O_RDONLY | O_DIRECTORY);
        if (folder.ok()) {
            ::syncfs(folder->get()); // what fails here has been told to its writers
        }
    }
    if (mount::unmount(path, Unmount::when_free).ok()) {
        return; // the loop ends by itself
    }
    static_cast<void>(mount::unmount(path, Unmount::lazily).ok());
    stop();
}

} // namespace gm::mount
