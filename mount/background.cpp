// SPDX-License-Identifier: GPL-2.0-or-later
#include "mount/background.hpp"

#include "core/base/syscall.hpp"

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace gm::mount {
namespace {

// The first byte of a report; the text of the error follows.
constexpr char kReady = 'r';
constexpr char kFailed = 'f';

volatile sig_atomic_t serving_process = 0; // for the handler

void pass_on(int signal_number)
{
    ::kill(static_cast<pid_t>(serving_process), signal_number == SIGHUP ? SIGHUP : SIGTERM);
}

int wait_for_report(UniqueFd pipe, pid_t child)
{
    serving_process = child;
    struct sigaction action = {};
    action.sa_handler = pass_on;
    for (const int number : {SIGINT, SIGTERM, SIGHUP}) {
        ::sigaction(number, &action, nullptr);
    }
    std::string report;
    char buffer[4096];
    while (report.empty() || report.front() != kReady) {
        const auto size = retry([&] { return ::read(pipe.get(), buffer, sizeof buffer); });
        if (size <= 0) {
            break;
        }
        report.append(buffer, static_cast<std::size_t>(size));
    }
    if (!report.empty() && report.front() == kReady) {
        return 0;
    }
    // It has nothing left behind once it has ended.
    int status = 0;
    retry([&] { return ::waitpid(child, &status, 0); });
    if (report.empty()) {
        print_error(make_error(EIO, "the serving process ended without a word ({} {})",
                               WIFSIGNALED(status) ? "signal" : "status",
                               WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status)));
    } else {
        print_error(make_error(EIO, "{}", report.substr(1)));
    }
    return 1;
}

void leave_terminal(bool keep_output)
{
    const auto null = open_file("/dev/null", O_RDWR);
    if (!null.ok() || ::chdir("/") == -1) { // keeps no folder busy
        return;
    }
    ::dup2(null->get(), STDIN_FILENO);
    ::dup2(null->get(), STDOUT_FILENO);
    if (!keep_output) {
        ::dup2(null->get(), STDERR_FILENO);
    }
}

} // namespace

void Report::about_to_serve()
{
    ::prctl(PR_SET_PDEATHSIG, 0); // an attribute of the thread that asked for it
}

Result<void> Report::ready(bool keep_output)
{
    if (!pipe_.valid()) {
        return {};
    }
    leave_terminal(keep_output); // first: whoever waits for the end of our output must not wait on
    const bool told = write_all(pipe_.get(), std::as_bytes(std::span(&kReady, 1))).ok();
    pipe_.reset();
    return told ? Result<void>{} : make_error(ECANCELED, "interrupted");
}

void Report::failed(const Error& error)
{
    if (!pipe_.valid()) {
        print_error(error);
        return;
    }
    const auto text = kFailed + error.text;
    static_cast<void>(write_all(pipe_.get(), std::as_bytes(std::span(text))).ok());
    pipe_.reset();
}

void print_error(const Error& error)
{
    std::string text = error.text;
    std::replace(text.begin(), text.end(), '\n', ' ');
    fmt::print(stderr, "guestmount: {}\n", text);
}

int run_and_report(bool foreground, const std::function<int(Report&)>& serve)
{
    if (foreground) {
        Report report;
        return serve(report);
    }
    auto pipe = make_pipe();
    if (!pipe.ok()) {
        print_error(pipe.error());
        return 1;
    }
    const pid_t waiting = ::getpid();
    const pid_t child = ::fork();
    if (child == -1) {
        print_error(system_error(errno, "fork"));
        return 1;
    }
    if (child > 0) {
        pipe->write_end.reset();
        return wait_for_report(std::move(pipe->read_end), child);
    }
    pipe->read_end.reset();
    ::setsid();
    ::prctl(PR_SET_PDEATHSIG, SIGTERM); // without its waiting process nobody wants the mount
    Report report(std::move(pipe->write_end));
    const int status = ::getppid() == waiting ? serve(report) : 1;
    std::fflush(nullptr);
    ::_exit(status);
}

} // namespace gm::mount
