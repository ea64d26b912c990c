// SPDX-License-Identifier: LGPL-2.1-or-later
//
// One running qemu: its process, monitor, console and the socket of the RPC link. A thread of its own watches it and
// ends it, with the reason kept, when it stops answering to the rules it was started under; its sockets end with it,
// so every wait on them fails at once. Owned by one thread, which must live as long as qemu should (PR_SET_PDEATHSIG);
// kill(), the monitor and the log may be used by any.
#pragma once

#include "core/base/subprocess.hpp"
#include "core/launch/console_log.hpp"
#include "core/launch/qemu_command.hpp"
#include "core/launch/qmp.hpp"

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>

namespace gm::launch {

// Why a virtual machine is of no use any more.
struct Failure {
    enum class Kind {
        ended,     // qemu ended, by itself or by someone's signal
        internal,  // the accelerator gave up: "KVM internal error"
        silent,    // nothing on the console in the time allowed
        cancelled, // the caller's cancel descriptor became readable
        stopped,   // the owner killed it
    };
    Kind kind = Kind::ended;
    std::string text;

    bool operator==(const Failure&) const = default;
};

struct WatchRules {
    std::optional<Millis> first_sign; // the console must show something within this time
    int cancel_fd = -1;               // readable: end qemu; not owned
    bool echo = false;                // console and qemu's messages to standard error as they come
};

class QemuProcess {
public:
    // Starts qemu and connects its monitor. The error says what qemu said when it ended at once.
    static Result<std::unique_ptr<QemuProcess>> start(QemuPlan plan, const WatchRules& rules, Deadline deadline);

    QemuProcess(const QemuProcess&) = delete;
    QemuProcess& operator=(const QemuProcess&) = delete;
    ~QemuProcess();

    [[nodiscard]] Qmp& qmp() { return *qmp_; }
    [[nodiscard]] pid_t pid() const { return child_.pid(); }
    [[nodiscard]] const ConsoleLog& console() const { return console_; }
    // Our end of the guest's port; to be taken once.
    [[nodiscard]] UniqueFd take_rpc_socket() { return std::move(rpc_socket_); }

    // Why it is of no use, or nothing while it runs. Waits up to `patience` for the watching thread to notice: a broken
    // socket is often seen before the end of the process.
    [[nodiscard]] std::optional<Failure> failure(Millis patience = Millis{0});

    // Waits for the end of a migration that a command has started.
    Result<void> migrated(Deadline deadline);

    // The launch is over: the rules for its time no longer hold.
    void launched();
    // Called once, by the watching thread, when qemu has ended; at once when it already has.
    void on_end(std::function<void(const Failure&)> call);

    // Ends it now, with a reason; the first reason stays.
    void kill(Failure reason);
    // Asks qemu to write out everything and end; killed at the deadline. ETIMEDOUT then.
    Result<void> quit(Deadline deadline);

private:
    struct Sockets {
        UniqueFd console;
        UniqueFd messages; // qemu's standard error
    };
    struct Fate {
        std::optional<Failure> failure;
        bool ended = false;
        std::function<void(const Failure&)> on_end;
    };

    QemuProcess(Subprocess child, Sockets sockets, UniqueFd rpc_socket, const WatchRules& rules);

    void watch();
    void take_event(const std::string& name, const Json& data);
    bool take_output(UniqueFd& from, bool is_console);
    void notice_end();

    Subprocess child_;
    bool reaped_ = false; // then its process group may be another's
    Sockets sockets_;
    UniqueFd rpc_socket_;
    WatchRules rules_;
    ConsoleLog console_;
    ConsoleLog messages_;
    std::atomic<bool> launching_{true};
    std::atomic<bool> quitting_{false};
    bool console_spoke_ = false; // watching thread only
    std::mutex fate_mutex_;
    std::condition_variable fate_known_;
    Fate fate_;             // under fate_mutex_
    std::string migration_; // status of the last one; under fate_mutex_
    std::unique_ptr<Qmp> qmp_;
    std::jthread watcher_;
};

} // namespace gm::launch
