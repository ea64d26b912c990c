// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/launch/qemu_launcher.hpp"

#include "appliance/kernel_command_line.hpp"
#include "core/base/log.hpp"
#include "core/launch/accelerator_choice.hpp"

#include <unistd.h>

namespace gm::launch {
namespace {

constexpr Millis kMonitorLimit{10'000};  // from exec to a usable monitor, on a loaded host
constexpr Millis kBootLimit{60'000};     // from exec to the daemon's hello, under TCG on a loaded host
constexpr Millis kTrialBootLimit{8'000}; // the same under KVM, while it is not known to work
constexpr Millis kFirstSign{3'000};      // a guest that has printed nothing by then hangs
constexpr Millis kNoticeEnd{2'000};

class Launch {
public:
    Launch(const LaunchRequest& request, QemuIdentity qemu) : request_(request), qemu_(std::move(qemu)) {}

    Result<Launched> run();

private:
    using Try = AcceleratorChoice::Try;

    Result<Launched> attempt(const Try& attempt);
    Result<Launched> boot_cold(const Try& attempt, std::optional<RamFile> ram);
    [[nodiscard]] QemuPlan plan_for(const Try& attempt) const;
    [[nodiscard]] bool cancelled(const Error& error) const { return error.errno_value == ECANCELED; }

    const LaunchRequest& request_;
    QemuIdentity qemu_;
};

QemuPlan Launch::plan_for(const Try& attempt) const
{
    const auto& settings = request_.settings;
    QemuPlan plan;
    plan.qemu = qemu_.path;
    plan.accelerator = attempt.accelerator;
    plan.memory_mib = settings.memory_mib;
    plan.vcpus = settings.vcpus;
    plan.kernel = request_.appliance.kernel;
    plan.initrd = request_.appliance.initrd;
    plan.root = request_.appliance.root;
    // On trial the kernel must talk: silence is how a hanging guest is told from a slow one.
    plan.kernel_command_line = appliance::kernel_command_line(
        {.verbose = settings.verbose || !attempt.proven, .console = "ttyS0", .appended = settings.kernel_options});
    return plan;
}

// Why the daemon did not answer, in words for the user. The reason that qemu's watcher knows comes first: the link only
// sees its socket close.
Error explain(QemuProcess& qemu, const Error& seen)
{
    const auto failure = qemu.failure(seen.errno_value == ETIMEDOUT ? Millis{0} : kNoticeEnd);
    if (failure && failure->kind == Failure::Kind::cancelled) {
        return make_error(ECANCELED, "cancelled");
    }
    const auto last = qemu.console().last_line();
    const auto cause = failure ? failure->text : seen.text;
    return make_error(seen.errno_value == ETIMEDOUT ? ETIMEDOUT : ENOTCONN, "the appliance did not start: {}{}{}",
                      cause, last.empty() || last == cause ? "" : "; its last message: ", last == cause ? "" : last);
}

Result<void> greet(rpc::Link& link, Millis limit)
{
    const auto ours = rpc::Procedures::fingerprint();
    const auto hello = GM_TRY(link.call<rpc::Hello>({.fingerprint = ours}, {.limit = limit}));
    if (hello.fingerprint != ours) {
        return make_error(EPROTO, "the appliance holds the daemon of another build ({}): it must be rebuilt",
                          hello.build);
    }
    return {};
}

Result<Launched> Launch::boot_cold(const Try& attempt, std::optional<RamFile> ram)
{
    QemuPlan plan = plan_for(attempt);
    plan.ram = std::move(ram);
    WatchRules rules{.first_sign = std::nullopt, .cancel_fd = request_.cancel_fd, .echo = request_.echo};
    if (!attempt.proven) {
        rules.first_sign = kFirstSign;
    }
    Launched launched;
    launched.accelerator = attempt.accelerator;
    launched.qemu = GM_TRY(QemuProcess::start(std::move(plan), rules, Deadline{kMonitorLimit}));
    launched.link = std::make_unique<rpc::Link>(launched.qemu->take_rpc_socket(), rpc::LinkOptions{});
    if (const auto greeted = greet(*launched.link, attempt.proven ? kBootLimit : kTrialBootLimit); !greeted) {
        return explain(*launched.qemu, greeted.error());
    }
    return launched;
}

Result<Launched> Launch::attempt(const Try& attempt)
{
    return boot_cold(attempt, std::nullopt);
}

Result<Launched> Launch::run()
{
    const AcceleratorChoice choice{request_.cache_folder, qemu_, host_boot_id()};
    std::string refusal; // what the accelerator tried before said
    const auto tries = choice.plan(request_.settings.forced, kvm_opens());
    for (const auto& item : tries) {
        auto launched = attempt(item);
        if (launched) {
            if (tries.size() > 1) {
                choice.remember(item.accelerator);
            }
            if (!refusal.empty() && request_.notice) {
                request_.notice(fmt::format("KVM does not work here ({}): using slower emulation (TCG) until the next "
                                            "boot of this machine",
                                            refusal));
            }
            return launched;
        }
        if (cancelled(launched.error()) || &item == &tries.back()) {
            return launched;
        }
        refusal = launched.error().text;
        log_debug("no start with {}: {}", name_of(item.accelerator), refusal);
    }
    return make_error(EINVAL, "no accelerator to start the appliance with"); // plan() is never empty
}

} // namespace

Result<Launched> launch(const LaunchRequest& request)
{
    QemuIdentity qemu = GM_TRY(QemuIdentity::of(request.settings.qemu));
    return Launch{request, std::move(qemu)}.run();
}

} // namespace gm::launch
