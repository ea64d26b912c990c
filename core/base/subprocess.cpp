// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/base/subprocess.hpp"

#include "core/base/syscall.hpp"

#include <algorithm>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

namespace gm {
namespace {

constexpr int kFirstFreeFd = 3;

// Moves descriptors to the numbers the child expects. Sources are first lifted above all targets, so that no target
// overwrites a source that is still needed. Runs between fork and exec: async-signal-safe calls only.
bool arrange_descriptors(std::span<Command::InheritedFd> wanted, int above)
{
    for (auto& item : wanted) {
        item.ours = ::fcntl(item.ours, F_DUPFD, above);
        if (item.ours == -1) {
            return false;
        }
    }
    for (const auto& item : wanted) {
        if (::dup2(item.ours, item.theirs) == -1) {
            return false;
        }
    }
    return true;
}

void close_all_but(std::span<const Command::InheritedFd> kept)
{
    int highest = kFirstFreeFd - 1;
    for (const auto& item : kept) {
        highest = std::max(highest, item.theirs);
    }
    for (int fd = kFirstFreeFd; fd <= highest; ++fd) {
        const bool keep = std::any_of(kept.begin(), kept.end(), [&](const auto& item) { return item.theirs == fd; });
        if (!keep) {
            ::close(fd);
        }
    }
    ::syscall(SYS_close_range, static_cast<unsigned>(highest + 1), ~0U, 0U);
}

[[noreturn]] void report_and_exit(int report_fd, int errno_value)
{
    [[maybe_unused]] const auto ignored = ::write(report_fd, &errno_value, sizeof errno_value);
    ::_exit(127);
}

struct ChildPlan {
    std::vector<char*> argv;
    std::vector<char*> environment;
    std::vector<Command::InheritedFd> inherited; // with 0, 1, 2 and the report pipe
    int report_number = -1;
    bool new_session = true;
    pid_t parent = -1;
};

[[noreturn]] void become(ChildPlan& plan)
{
    int above = kFirstFreeFd;
    for (const auto& item : plan.inherited) {
        above = std::max(above, item.theirs + 1);
    }
    if (!arrange_descriptors(plan.inherited, above)) {
        ::_exit(127);
    }
    close_all_but(plan.inherited);
    ::fcntl(plan.report_number, F_SETFD, FD_CLOEXEC);
    if (plan.new_session) {
        ::setsid();
    }
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != plan.parent) { // the parent died before PDEATHSIG was armed
        ::_exit(127);
    }
    sigset_t none;
    sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    for (const int signal_number : {SIGPIPE, SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGCHLD}) {
        ::signal(signal_number, SIG_DFL);
    }
    ::execvpe(plan.argv.front(), plan.argv.data(), plan.environment.data());
    report_and_exit(plan.report_number, errno);
}

} // namespace

std::string ExitStatus::text() const
{
    return signalled ? fmt::format("killed by signal {} ({})", code, ::strsignal(code))
                     : fmt::format("exit status {}", code);
}

Result<Subprocess> Subprocess::start(const Command& command)
{
    const UniqueFd null_device = GM_TRY(open_file("/dev/null", O_RDWR));
    Pipe report = GM_TRY(make_pipe());

    ChildPlan plan;
    for (const auto& word : command.argv) {
        plan.argv.push_back(const_cast<char*>(word.c_str())); // execve(2) does not write to them
    }
    plan.argv.push_back(nullptr);
    for (char** entry = environ; *entry != nullptr; ++entry) {
        const std::string_view ours{*entry};
        const auto name = ours.substr(0, ours.find('=') + 1);
        const bool replaced = std::any_of(command.extra_environment.begin(), command.extra_environment.end(),
                                          [&](const std::string& extra) { return extra.starts_with(name); });
        if (!replaced) { // getenv(3) finds the first of two
            plan.environment.push_back(*entry);
        }
    }
    for (const auto& entry : command.extra_environment) {
        plan.environment.push_back(const_cast<char*>(entry.c_str()));
    }
    plan.environment.push_back(nullptr);
    plan.inherited = command.inherited;
    plan.inherited.push_back({command.standard_input.value_or(null_device.get()), STDIN_FILENO});
    plan.inherited.push_back({command.standard_output.value_or(null_device.get()), STDOUT_FILENO});
    plan.inherited.push_back({command.standard_error.value_or(STDERR_FILENO), STDERR_FILENO});
    plan.report_number = kFirstFreeFd;
    for (const auto& item : plan.inherited) {
        plan.report_number = std::max(plan.report_number, item.theirs + 1);
    }
    plan.inherited.push_back({report.write_end.get(), plan.report_number});
    plan.new_session = command.new_session;
    plan.parent = ::getpid();

    const pid_t pid = GM_TRY(sys([] { return ::fork(); }, "fork"));
    if (pid == 0) {
        become(plan);
    }
    report.write_end.reset();
    UniqueFd pidfd{static_cast<int>(::syscall(SYS_pidfd_open, pid, 0U))};
    const int pidfd_errno = errno;
    Subprocess child{pid, std::move(pidfd)};
    if (!child.pidfd_.valid()) {
        return system_error(pidfd_errno, "pidfd_open");
    }
    int exec_errno = 0;
    const auto reported = read_exact(report.read_end.get(), std::as_writable_bytes(std::span{&exec_errno, 1}));
    if (reported.ok() && reported.value()) {
        return system_error(exec_errno, fmt::format("run '{}'", command.argv.front()));
    }
    return child;
}

Subprocess::Subprocess(Subprocess&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)), pidfd_(std::move(other.pidfd_)), ended_(other.ended_)
{
}

Subprocess::~Subprocess()
{
    if (pid_ > 0) {
        kill_and_reap();
    }
}

std::optional<ExitStatus> Subprocess::wait(std::chrono::milliseconds timeout)
{
    if (ended_) {
        return ended_;
    }
    if (pidfd_.valid()) {
        const auto ready = wait_for(pidfd_.get(), POLLIN, timeout);
        if (!ready.ok() || !ready.value()) {
            return std::nullopt;
        }
    }
    siginfo_t info{};
    if (retry([&] { return ::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED); }) == -1) {
        ended_ = ExitStatus{.signalled = false, .code = 127};
    } else {
        ended_ = ExitStatus{.signalled = info.si_code != CLD_EXITED, .code = info.si_status};
    }
    return ended_;
}

void Subprocess::send_signal(int signal_number)
{
    if (!ended_) { // not reaped yet, so the pid is still this child's
        ::kill(pid_, signal_number);
    }
}

ExitStatus Subprocess::kill_and_reap()
{
    send_signal(SIGKILL);
    while (!ended_) {
        wait(std::chrono::seconds{1});
    }
    return *ended_;
}

Result<CapturedRun> run_captured(std::vector<std::string> argv, std::chrono::milliseconds timeout,
                                 std::string_view input, std::size_t output_limit)
{
    SocketPair in = GM_TRY(make_socket_pair()); // not a pipe: MSG_NOSIGNAL when the child stops reading
    Pipe out = GM_TRY(make_pipe());
    Pipe err = GM_TRY(make_pipe());
    const std::string program = argv.front();
    Command command{.argv = std::move(argv),
                    .inherited = {},
                    .extra_environment = {},
                    .standard_input = in.second.get(),
                    .standard_output = out.write_end.get(),
                    .standard_error = err.write_end.get()};
    Subprocess child = GM_TRY(Subprocess::start(command));
    in.second.reset();
    out.write_end.reset();
    err.write_end.reset();
    if (input.empty()) {
        in.first.reset();
    } else {
        ::fcntl(in.first.get(), F_SETFL, O_NONBLOCK);
    }

    CapturedRun run;
    const auto end = std::chrono::steady_clock::now() + timeout;
    const auto take = [&](UniqueFd& fd, std::string& into) {
        char buffer[65536];
        const auto got = retry([&] { return ::read(fd.get(), buffer, sizeof buffer); });
        if (got <= 0) {
            fd.reset();
        } else {
            into.append(buffer, static_cast<std::size_t>(got));
        }
    };
    while (out.read_end.valid() || err.read_end.valid()) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - std::chrono::steady_clock::now()).count();
        if (left <= 0) {
            return make_error(ETIMEDOUT, "'{}' did not end within {} s", program,
                              std::chrono::duration_cast<std::chrono::seconds>(timeout).count());
        }
        pollfd items[] = {
            {out.read_end.get(), POLLIN, 0}, {err.read_end.get(), POLLIN, 0}, {in.first.get(), POLLOUT, 0}};
        if (::poll(items, 3, static_cast<int>(left)) == -1 && errno != EINTR) {
            return system_error(errno, "poll");
        }
        if (items[2].revents != 0) {
            const auto put = ::send(in.first.get(), input.data(), input.size(), MSG_NOSIGNAL);
            input.remove_prefix(put > 0 ? static_cast<std::size_t>(put) : 0);
            if (input.empty() || (put == -1 && errno != EAGAIN && errno != EINTR)) {
                in.first.reset();
            }
        }
        if (items[0].revents != 0) {
            take(out.read_end, run.output);
        }
        if (items[1].revents != 0) {
            take(err.read_end, run.error_output);
        }
        if (run.output.size() + run.error_output.size() > output_limit) {
            return make_error(EFBIG, "'{}' wrote more than {} bytes", program, output_limit);
        }
    }
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
    const auto ended = child.wait(std::max(left, std::chrono::milliseconds{1}));
    if (!ended) {
        return make_error(ETIMEDOUT, "'{}' did not end in time", program);
    }
    run.status = *ended;
    return run;
}

} // namespace gm
