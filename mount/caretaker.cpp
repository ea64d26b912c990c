// SPDX-License-Identifier: GPL-2.0-or-later
#include "mount/caretaker.hpp"

#include "core/base/syscall.hpp"
#include "mount/fuse_mount.hpp"

#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace gm::mount {
namespace {

constexpr char kMounted = 'm';
constexpr char kPidFile = 'p';
constexpr char kDone = 'd';

void take_away_mount(const std::string& mountpoint)
{
    struct stat attr = {};
    // Only a mount whose server is gone: somebody may have mounted something else there since.
    if (::stat(mountpoint.c_str(), &attr) == -1 && errno == ENOTCONN) {
        static_cast<void>(unmount(mountpoint, Unmount::lazily).ok());
    }
}

[[noreturn]] void take_care(int pipe, const std::string& mountpoint, const std::string& pid_file)
{
    ::setsid();
    ::prctl(PR_SET_NAME, "gm-caretaker"); // not killed along with everything called guestmount
    for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE, SIGUSR1}) {
        std::signal(number, SIG_IGN);
    }
    // It must not keep anybody's pipe or terminal open.
    const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; ++fd) {
        ::dup2(null, fd);
    }
    constexpr int kOurs = STDERR_FILENO + 1;
    if (pipe != kOurs) {
        ::dup2(pipe, kOurs);
    }
    ::close_range(kOurs + 1, ~0U, 0);
    if (::chdir("/") == -1) { // only so that no file system is kept busy
        ::_exit(EXIT_FAILURE);
    }

    bool mounted = false;
    bool written = false;
    char told = 0;
    while (retry([&] { return ::read(kOurs, &told, 1); }) == 1) {
        if (told == kDone) {
            ::_exit(EXIT_SUCCESS);
        }
        mounted = mounted || told == kMounted;
        written = written || told == kPidFile;
    }
    if (mounted) {
        take_away_mount(mountpoint);
    }
    if (written) {
        ::unlink(pid_file.c_str());
    }
    ::_exit(EXIT_SUCCESS);
}

} // namespace

Result<Caretaker> Caretaker::start(const std::string& mountpoint, const std::string& pid_file)
{
    auto pipe = GM_TRY(make_pipe());
    const pid_t child = ::fork();
    if (child == -1) {
        return system_error(errno, "fork");
    }
    if (child == 0) {
        take_care(pipe.read_end.get(), mountpoint, pid_file); // closes the write end with all others
    }
    return Caretaker(std::move(pipe.write_end), child);
}

Caretaker::Caretaker(Caretaker&& other) noexcept
    : pipe_(std::move(other.pipe_)), process_(std::exchange(other.process_, -1))
{
}

Caretaker::~Caretaker()
{
    if (process_ > 0) {
        tell(kDone);
        pipe_.reset();
        retry([&] { return ::waitpid(process_, nullptr, 0); });
    }
}

void Caretaker::mounted()
{
    tell(kMounted);
}

void Caretaker::pid_file_written()
{
    tell(kPidFile);
}

void Caretaker::tell(char what)
{
    static_cast<void>(retry([&] { return ::write(pipe_.get(), &what, 1); })); // it was killed: then nobody cares
}

} // namespace gm::mount
