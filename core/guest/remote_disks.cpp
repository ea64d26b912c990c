// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/guest/remote_disks.hpp"

#include "core/base/secret.hpp"
#include "core/base/subprocess.hpp"
#include "core/base/syscall.hpp"
#include "core/guest/private_folder.hpp"
#include "core/launch/qmp.hpp"

#include <condition_variable>
#include <csignal>
#include <mutex>
#include <optional>
#include <poll.h>
#include <thread>

namespace gm {
namespace {

using Json = nlohmann::json;
using launch::Qmp;

constexpr const char* kProgram = "qemu-storage-daemon";
constexpr Millis kLimit{20'000};

bool is_readable(int fd)
{
    pollfd item{.fd = fd, .events = POLLIN, .revents = 0};
    return fd != -1 && ::poll(&item, 1, 0) == 1;
}

// What qemu finds in the image behind `protocol`.
Result<std::string> format_of(const Json& protocol, Deadline deadline)
{
    const auto run = GM_TRY(run_captured(
        {"qemu-img", "info", "--output=json", "json:" + Json{{"file", protocol}}.dump()}, deadline.left()));
    if (!run.status.success()) {
        return make_error(EIO, "{}", run.error_output.substr(0, run.error_output.find('\n')));
    }
    const Json info = Json::parse(run.output, nullptr, false);
    const auto format = info.is_object() ? info.value("format", std::string{"raw"}) : std::string{"raw"};
    return format == "luks" ? std::string{"raw"} : format; // the guest's business
}

} // namespace

// The process, its monitor and its socket.
class RemoteDisks::Daemon {
public:
    static Result<std::unique_ptr<Daemon>> start(int cancel_fd, Deadline deadline)
    {
        TempDir folder = GM_TRY(private_folder());
        auto monitor = GM_TRY(make_socket_pair());
        Command command;
        command.argv = {kProgram, "--chardev", "socket,id=qmp,fd=3", "--monitor", "chardev=qmp"};
        command.inherited = {{monitor.second.get(), 3}};
        auto child = Subprocess::start(command);
        if (!child) {
            return with_context(child.take_error(), "remote disks need qemu-storage-daemon (package qemu-utils)");
        }
        monitor.second.reset();
        std::unique_ptr<Daemon> daemon{new Daemon(child.take_value(), std::move(folder), cancel_fd)};
        daemon->qmp_ = GM_TRY(Qmp::connect(
            std::move(monitor.first), [](const std::string&, const Json&) {}, deadline));
        const Json address{{"type", "unix"}, {"data", {{"path", daemon->socket()}}}};
        GM_TRY(daemon->qmp_->execute("nbd-server-start", Json{{"addr", address}}, deadline));
        return daemon;
    }

    [[nodiscard]] Qmp& qmp() { return *qmp_; }
    [[nodiscard]] std::string socket() const { return folder_->path() + "/nbd"; }
    void hide()
    {
        watch_ = {};
        folder_.reset();
    }

private:
    Daemon(Subprocess child, TempDir folder, int cancel_fd)
        : child_(std::move(child)), folder_(std::in_place, std::move(folder)),
          watch_([this, cancel_fd](const std::stop_token& stop) { watch(stop, cancel_fd); })
    {
    }

    // A cancelled launch must not wait for a server: without the process every wait ends.
    void watch(const std::stop_token& stop, int cancel_fd)
    {
        constexpr Millis kGlance{100};
        std::mutex mutex;
        std::condition_variable_any nobody;
        std::unique_lock lock(mutex);
        while (!stop.stop_requested()) {
            if (is_readable(cancel_fd)) {
                child_.send_signal(SIGKILL);
                return;
            }
            nobody.wait_for(lock, stop, kGlance, [] { return false; });
        }
    }

    Subprocess child_;
    std::optional<TempDir> folder_;
    std::unique_ptr<Qmp> qmp_;
    std::jthread watch_; // stopped first
};

RemoteDisks::RemoteDisks(int cancel_fd) : cancel_fd_(cancel_fd) {}

RemoteDisks::~RemoteDisks() = default;

Result<RemoteDisks::Reached> RemoteDisks::reach(RemoteDisk disk, const std::string& shown, bool read_only)
{
    const Deadline deadline{kLimit};
    const auto in_words = [&](const Error& error) {
        const auto& text = error.text;
        if (is_readable(cancel_fd_)) {
            return make_error(ECANCELED, "cancelled");
        }
        if (error.errno_value == ETIMEDOUT) {
            return make_error(ETIMEDOUT, "'{}' cannot be opened: no answer within {} s", shown,
                              std::chrono::duration_cast<std::chrono::seconds>(kLimit).count());
        }
        return make_error(error.errno_value, "'{}' cannot be opened: {}{}", shown, text,
                          text.find("Unknown driver") != std::string::npos ||
                                  text.find("does not accept value") != std::string::npos
                              ? " (is qemu-block-extra installed?)"
                              : "");
    };
    if (!daemon_) {
        auto daemon = Daemon::start(cancel_fd_, deadline);
        if (!daemon) {
            return in_words(daemon.error());
        }
        daemon_ = daemon.take_value();
    }
    const std::string name = fmt::format("remote{}", count_++);
    auto reached = [&]() -> Result<Reached> {
        auto& qmp = daemon_->qmp();
        if (!disk.password.empty()) {
            const std::string secret = name + "-secret";
            GM_TRY(qmp.execute("object-add", Json{{"qom-type", "secret"}, {"id", secret}, {"data", disk.password}},
                               deadline));
            disk.protocol[disk.password_option] = secret;
            wipe(disk.password);
        }
        disk.protocol["node-name"] = name;
        disk.protocol["read-only"] = read_only || disk.always_read_only;
        GM_TRY(qmp.execute("blockdev-add", disk.protocol, deadline));
        GM_TRY(qmp.execute("block-export-add",
                           Json{{"type", "nbd"},
                                {"id", name},
                                {"node-name", name},
                                {"name", name},
                                {"writable", !disk.protocol["read-only"].get<bool>()}},
                           deadline));
        Json local{{"driver", "nbd"}, {"server", {{"type", "unix"}, {"path", daemon_->socket()}}}, {"export", name}};
        std::string format = GM_TRY(format_of(local, deadline));
        return Reached{.protocol = std::move(local), .format = std::move(format)};
    }();
    if (!reached) {
        return in_words(reached.error());
    }
    return reached;
}

void RemoteDisks::hide()
{
    if (daemon_) {
        daemon_->hide();
    }
}

} // namespace gm
