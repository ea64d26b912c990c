// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/launch/qemu_process.hpp"

#include "core/base/log.hpp"
#include "core/base/syscall.hpp"

#include <csignal>
#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <poll.h>
#include <sys/syscall.h>

namespace gm::launch {
namespace {

constexpr Millis kNoticeEnd{2000}; // between a broken monitor and the end of the process

bool reports_internal_error(std::string_view text)
{
    return text.find("KVM internal error") != text.npos;
}

} // namespace

QemuProcess::QemuProcess(Subprocess child, Sockets sockets, UniqueFd rpc_socket, const WatchRules& rules)
    : child_(std::move(child)), sockets_(std::move(sockets)), rpc_socket_(std::move(rpc_socket)), rules_(rules)
{
}

Result<std::unique_ptr<QemuProcess>> QemuProcess::start(QemuPlan plan, const WatchRules& rules, Deadline deadline)
{
    SocketPair qmp = GM_TRY(make_socket_pair());
    SocketPair rpc = GM_TRY(make_socket_pair());
    SocketPair console = GM_TRY(make_socket_pair());
    Pipe messages = GM_TRY(make_pipe());
    // A wrapper script's child may keep the other end open for longer than we want to read.
    GM_TRY(sys([&] { return ::fcntl(messages.read_end.get(), F_SETFL, O_NONBLOCK); }, "fcntl"));

    plan.fds = QemuFds{};
    Command command;
    command.argv = qemu_argv(plan);
    command.inherited = {
        {qmp.second.get(), plan.fds.qmp}, {rpc.second.get(), plan.fds.rpc}, {console.second.get(), plan.fds.console}};
    if (plan.ram) {
        command.inherited.push_back({plan.ram->fd, plan.fds.ram});
    }
    command.standard_output = messages.write_end.get();
    command.standard_error = messages.write_end.get();
    log_debug("run: {}", fmt::join(command.argv, " "));
    Subprocess child = GM_TRY(Subprocess::start(command));
    for (UniqueFd* ours : {&qmp.second, &rpc.second, &console.second, &messages.write_end}) {
        ours->reset(); // so that our ends see end of file when qemu ends
    }

    std::unique_ptr<QemuProcess> process{new QemuProcess(
        std::move(child), {std::move(console.first), std::move(messages.read_end)}, std::move(rpc.first), rules)};
    process->watcher_ = std::jthread([raw = process.get()] { raw->watch(); });
    auto monitor = Qmp::connect(
        std::move(qmp.first),
        [raw = process.get()](const std::string& name, const Json& data) { raw->take_event(name, data); }, deadline);
    if (!monitor) {
        if (monitor.error().errno_value == ETIMEDOUT) {
            process->kill({Failure::Kind::silent, "qemu's monitor did not answer in time"});
        }
        const auto failure = process->failure(kNoticeEnd);
        return make_error(failure && failure->kind == Failure::Kind::cancelled ? ECANCELED : ENOTCONN,
                          "qemu did not start: {}", failure ? failure->text : monitor.error().text);
    }
    process->qmp_ = monitor.take_value();
    return process;
}

void QemuProcess::take_event(const std::string& name, const Json& data)
{
    if (name == "STOP" && data.value("status", std::string{}) == "internal-error") {
        kill({Failure::Kind::internal, "the accelerator reported an internal error"});
    } else if (name == "GUEST_PANICKED") {
        kill({Failure::Kind::ended, "the appliance's kernel panicked"});
    } else if (name == "MIGRATION") {
        const std::lock_guard lock(fate_mutex_);
        migration_ = data.value("status", std::string{});
        fate_known_.notify_all();
    }
}

Result<void> QemuProcess::migrated(Deadline deadline)
{
    std::unique_lock lock(fate_mutex_);
    const auto over = [&] { return migration_ == "completed" || migration_ == "failed" || fate_.failure; };
    if (!fate_known_.wait_until(lock, deadline.at(), over)) {
        return make_error(ETIMEDOUT, "qemu did not save or load the machine's state in time");
    }
    if (migration_ != "completed") {
        return make_error(EIO, "qemu cannot save or load the machine's state");
    }
    return {};
}

QemuProcess::~QemuProcess()
{
    kill({Failure::Kind::stopped, "stopped"});
    watcher_.join();
    if (!reaped_) {
        ::kill(-child_.pid(), SIGKILL); // qemu below a wrapper script, which leads a session of its own
        // That qemu is no child of ours: it is gone when nobody holds the other end of the pipe.
        const Deadline deadline{kNoticeEnd};
        while (sockets_.messages.valid() && wait_for(sockets_.messages.get(), POLLIN, deadline.left()).ok() &&
               !deadline.passed()) {
            take_output(sockets_.messages, false);
        }
    }
    child_.kill_and_reap();
}

std::optional<Failure> QemuProcess::failure(Millis patience)
{
    std::unique_lock lock(fate_mutex_);
    fate_known_.wait_for(lock, patience, [&] { return fate_.failure.has_value(); });
    return fate_.failure;
}

void QemuProcess::launched()
{
    launching_ = false;
}

void QemuProcess::on_end(std::function<void(const Failure&)> call)
{
    {
        const std::lock_guard lock(fate_mutex_);
        if (!fate_.ended) {
            fate_.on_end = std::move(call);
            return;
        }
    }
    call(*fate_.failure); // not written any more
}

void QemuProcess::kill(Failure reason)
{
    {
        const std::lock_guard lock(fate_mutex_);
        if (!fate_.failure) {
            fate_.failure = std::move(reason);
            fate_known_.notify_all();
        }
    }
    // Through the pidfd: it cannot hit another process, whatever the owner has reaped by now.
    ::syscall(SYS_pidfd_send_signal, child_.pidfd(), SIGKILL, nullptr, 0U);
}

Result<void> QemuProcess::quit(Deadline deadline)
{
    quitting_ = true;
    // qemu answers before it ends or just ends; both are what is wanted.
    [[maybe_unused]] const auto answer = qmp_->execute("quit", deadline);
    if (!child_.wait(deadline.left())) {
        kill({Failure::Kind::stopped, "stopped"});
        return make_error(ETIMEDOUT, "qemu did not end in time and was killed");
    }
    reaped_ = true;
    return {};
}

bool QemuProcess::take_output(UniqueFd& from, bool is_console)
{
    char buffer[8192];
    const auto got = retry([&] { return ::read(from.get(), buffer, sizeof buffer); });
    if (got <= 0) {
        if (got == 0 || errno != EAGAIN) {
            from.reset();
        }
        return false;
    }
    const std::string_view text{buffer, static_cast<std::size_t>(got)};
    console_.append(text);
    if (is_console) {
        console_spoke_ = true;
    } else {
        messages_.append(text);
    }
    if (rules_.echo) {
        [[maybe_unused]] const auto ignored = ::write(STDERR_FILENO, text.data(), text.size());
    }
    if (!is_console && reports_internal_error(messages_.text())) {
        kill({Failure::Kind::internal, messages_.last_line()});
    }
    return true;
}

void QemuProcess::notice_end()
{
    while (sockets_.messages.valid() && take_output(sockets_.messages, false)) {
    }
    const auto said = messages_.last_line();
    std::function<void(const Failure&)> call;
    {
        const std::lock_guard lock(fate_mutex_);
        if (!fate_.failure) {
            fate_.failure = quitting_ ? Failure{Failure::Kind::stopped, "stopped"}
                                      : Failure{Failure::Kind::ended, said.empty() ? "qemu ended unexpectedly" : said};
        }
        fate_.ended = true;
        call = std::exchange(fate_.on_end, {});
        fate_known_.notify_all();
    }
    if (call) {
        call(*fate_.failure);
    }
}

void QemuProcess::watch()
{
    const bool has_limit = rules_.first_sign.has_value();
    const Deadline first_sign(rules_.first_sign.value_or(Millis{0})); // means nothing without a limit
    bool cancellable = rules_.cancel_fd >= 0;
    for (;;) {
        const bool wants_sign = has_limit && launching_ && !console_spoke_;
        pollfd items[] = {{child_.pidfd(), POLLIN, 0},
                          {sockets_.console.get(), POLLIN, 0}, // poll(2) ignores negative descriptors
                          {sockets_.messages.get(), POLLIN, 0},
                          {cancellable && launching_ ? rules_.cancel_fd : -1, POLLIN, 0}};
        const int timeout = wants_sign ? static_cast<int>(first_sign.left().count()) : -1;
        if (::poll(items, std::size(items), timeout) == -1 && errno != EINTR) {
            kill({Failure::Kind::stopped, "cannot watch qemu"});
            return;
        }
        if (items[1].revents != 0) {
            take_output(sockets_.console, true);
        }
        if (items[2].revents != 0) {
            take_output(sockets_.messages, false);
        }
        if (items[3].revents != 0) {
            cancellable = false;
            if (launching_) {
                kill({Failure::Kind::cancelled, "cancelled"});
            }
        }
        if (items[0].revents != 0) {
            notice_end();
            return;
        }
        if (wants_sign && !console_spoke_ && launching_ && first_sign.passed()) {
            kill({Failure::Kind::silent, "the appliance gave no sign of life"});
        }
    }
}

} // namespace gm::launch
