// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/launch/qemu_launcher.hpp"

#include "appliance/kernel_command_line.hpp"
#include "core/base/log.hpp"
#include "core/base/syscall.hpp"
#include "core/launch/accelerator_choice.hpp"
#include "core/launch/machine_state.hpp"
#include "core/launch/template_store.hpp"

#include <ctime>
#include <nlohmann/json.hpp>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

namespace gm::launch {
namespace {

constexpr Millis kMonitorLimit{10'000};  // from exec to a usable monitor, on a loaded host
constexpr Millis kBootLimit{60'000};     // from exec to the daemon's hello, under TCG on a loaded host
constexpr Millis kTrialBootLimit{8'000}; // the same under KVM, while it is not known to work
constexpr Millis kFirstSign{3'000};      // a guest that has printed nothing by then hangs
constexpr Millis kRestoreLimit{3'000};   // a restore that takes longer has failed
constexpr Millis kSaveLimit{10'000};
constexpr Millis kMakerLimit{20'000}; // as long as another process that makes the template is waited for
constexpr Millis kNoticeEnd{2'000};

class Launch {
public:
    Launch(const LaunchRequest& request, QemuIdentity qemu)
        : request_(request), qemu_(std::move(qemu)), boot_id_(host_boot_id())
    {
    }

    Result<Launched> run();

private:
    using Try = AcceleratorChoice::Try;

    Result<Launched> attempt(const Try& attempt);
    Result<Launched> boot_cold(const Try& attempt, std::optional<RamFile> ram);
    Result<Launched> restore(Accelerator accelerator, const Template& saved);
    std::optional<Result<Launched>> try_template(const TemplateStore& store, Accelerator accelerator);
    Result<Launched> boot_and_save(const TemplateStore& store, const Try& attempt);
    [[nodiscard]] std::string template_key(Accelerator accelerator) const;
    [[nodiscard]] QemuPlan plan_for(const Try& attempt) const;
    [[nodiscard]] bool cancelled(const Error& error) const { return error.errno_value == ECANCELED; }

    const LaunchRequest& request_;
    QemuIdentity qemu_;
    std::string boot_id_;
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
    launched.qemu =
        GM_TRY(QemuProcess::start(std::move(plan), rules, Deadline{attempt.proven ? kMonitorLimit : kFirstSign}));
    launched.link = std::make_unique<rpc::Link>(launched.qemu->take_rpc_socket(), rpc::LinkOptions{});
    if (const auto greeted = greet(*launched.link, attempt.proven ? kBootLimit : kTrialBootLimit); !greeted) {
        return explain(*launched.qemu, greeted.error());
    }
    return launched;
}

// Everything that shapes the machine: a template serves exactly the launches that would boot the same.
std::string Launch::template_key(Accelerator accelerator) const
{
    const auto argv = qemu_argv(plan_for({accelerator, true}));
    return short_hash(fmt::format("{}\n{}\n{}\n{:x}", fmt::join(argv, "\n"), qemu_.text(), request_.appliance.key,
                                  rpc::Procedures::fingerprint()));
}

Result<rpc::Wake::Args> present()
{
    timespec now{};
    ::clock_gettime(CLOCK_REALTIME, &now);
    rpc::Wake::Args args;
    args.now = {now.tv_sec, static_cast<std::uint32_t>(now.tv_nsec)};
    args.entropy.resize(128);
    GM_TRY(sys([&] { return ::getrandom(args.entropy.data(), args.entropy.size(), 0); }, "getrandom"));
    return args;
}

// The clock stood still and the random numbers are those of every other clone until the daemon hears this.
Result<void> wake(rpc::Link& link, Millis limit)
{
    const auto first = GM_TRY(present());
    GM_TRY(link.call<rpc::Wake>(first, {.limit = limit}));
    // What a restored machine does first takes tens of milliseconds, and its clock is late by them. Now it is quick.
    link.begin<rpc::Wake>(GM_TRY(present()), [](const Result<rpc::Wake::Reply>&) {});
    return {};
}

Result<Launched> Launch::restore(Accelerator accelerator, const Template& saved)
{
    const Deadline deadline{kRestoreLimit};
    QemuPlan plan = plan_for({accelerator, true});
    plan.ram = RamFile{.fd = saved.ram.get(), .shared = false};
    plan.incoming = true;
    const WatchRules rules{.first_sign = std::nullopt, .cancel_fd = request_.cancel_fd, .echo = request_.echo};
    Launched launched;
    launched.accelerator = accelerator;
    launched.from_template = true;
    launched.qemu = GM_TRY(QemuProcess::start(std::move(plan), rules, deadline));
    if (launched.qemu->qmp().version() != saved.qemu_version) {
        return make_error(EINVAL, "the template was made by qemu {}", saved.qemu_version);
    }
    launched.link = std::make_unique<rpc::Link>(launched.qemu->take_rpc_socket(), rpc::LinkOptions{});
    GM_TRY(load_state(launched.qemu->qmp(), saved.state.get(), deadline));
    if (const auto woken = wake(*launched.link, deadline.left()); !woken) {
        return explain(*launched.qemu, woken.error());
    }
    return launched;
}

// Nothing when there is no usable template; one that does not work is dropped.
std::optional<Result<Launched>> Launch::try_template(const TemplateStore& store, Accelerator accelerator)
{
    const auto saved = store.find();
    if (!saved) {
        return std::nullopt;
    }
    auto launched = restore(accelerator, *saved);
    if (launched || cancelled(launched.error())) {
        return launched;
    }
    log_debug("template dropped: {}", launched.error().text);
    store.drop(*saved);
    return std::nullopt;
}

// Boots with the guest's memory in a file, saves the machine when its daemon has answered, and goes on with a clone of
// what was saved: so the template is known to work before anybody depends on it.
Result<Launched> Launch::boot_and_save(const TemplateStore& store, const Try& attempt)
{
    const UniqueFd ram{GM_TRY(sys([] { return ::memfd_create("ram", MFD_CLOEXEC); }, "memfd_create"))};
    const UniqueFd state{GM_TRY(sys([] { return ::memfd_create("state", MFD_CLOEXEC); }, "memfd_create"))};
    auto source = boot_cold(attempt, RamFile{.fd = ram.get(), .shared = true});
    if (!source) {
        return source;
    }
    auto& qemu = *source.value().qemu;
    const Deadline deadline{kSaveLimit};
    Result<void> saved;
    if (auto prepared = source.value().link->call<rpc::PrepareTemplate>({}, {.limit = deadline.left()}); !prepared) {
        saved = prepared.take_error();
    }
    if (saved) {
        saved = save_state(qemu, state.get(), deadline);
    }
    if (saved) {
        saved = store.save(ram, state, qemu.qmp().version());
    }
    if (!saved) {
        log_debug("no template: {}", saved.error().text);
        // The machine itself is none the worse: it goes on.
        if (auto resumed = qemu.qmp().execute("cont", deadline); !resumed) {
            return explain(qemu, resumed.error());
        }
        return source;
    }
    if (auto launched = try_template(store, attempt.accelerator)) {
        return std::move(*launched);
    }
    store.give_up(boot_id_);
    if (auto resumed = qemu.qmp().execute("cont", deadline); !resumed) {
        return explain(qemu, resumed.error());
    }
    return source;
}

Result<Launched> Launch::attempt(const Try& attempt)
{
    if (request_.cache_folder.empty() || !request_.settings.use_template) {
        return boot_cold(attempt, std::nullopt);
    }
    const TemplateStore store{request_.cache_folder, template_key(attempt.accelerator)};
    if (store.given_up(boot_id_)) {
        return boot_cold(attempt, std::nullopt);
    }
    if (auto launched = try_template(store, attempt.accelerator)) {
        return std::move(*launched);
    }
    const auto making = store.lock(kMakerLimit, request_.cancel_fd);
    if (!making) {
        return cancelled(making.error()) ? Result<Launched>{making.error()} : boot_cold(attempt, std::nullopt);
    }
    if (auto launched = try_template(store, attempt.accelerator)) { // another process has made it meanwhile
        return std::move(*launched);
    }
    return boot_and_save(store, attempt);
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
