// SPDX-License-Identifier: GPL-2.0-or-later
#include "mount/inspection.hpp"

#include "core/base/log.hpp"
#include "mount/guest_mounts.hpp"
#include "mount/printable.hpp"

#include <algorithm>

namespace gm::mount {
namespace {

bool lacks_something(const std::vector<rpc::OperatingSystem>& systems, const std::string& root)
{
    return std::ranges::none_of(
        systems, [&](const auto& system) { return (root.empty() || system.root == root) && system.problems.empty(); });
}

Result<void> mount_one(rpc::Link& link, const rpc::SystemMount& wanted, bool read_only, const std::stop_token& stop)
{
    const auto reply = GM_TRY(link.call<rpc::MountFilesystem>({.device = wanted.device,
                                                               .mountpoint = wanted.mountpoint,
                                                               .options = wanted.options,
                                                               .type = {},
                                                               .read_only = read_only},
                                                              {.stop = stop}));
    warn_of_note(reply);
    return {};
}

} // namespace

Result<std::vector<rpc::OperatingSystem>> find_systems(rpc::Link& link, std::stop_token stop)
{
    auto reply = GM_TRY(link.call<rpc::Inspect>({}, {.stop = stop}));
    return std::move(reply.systems);
}

Result<const rpc::OperatingSystem*> choose_system(const std::vector<rpc::OperatingSystem>& systems,
                                                  const std::string& root)
{
    std::string there;
    for (const auto& system : systems) {
        if (system.root == root) {
            return &system;
        }
        there += fmt::format("{}{} ({})", there.empty() ? "" : ", ", printable(system.root), printable(system.product));
    }
    if (systems.empty()) {
        return make_error(ENOENT, "no operating system was found; name a device with -m, or give --all");
    }
    if (!root.empty()) {
        return make_error(ENOENT, "--root {}: no operating system was found there, only on {}", root, there);
    }
    if (systems.size() > 1) {
        return make_error(EINVAL, "there are {} operating systems: {}; choose one with --root DEVICE", systems.size(),
                          there);
    }
    return &systems.front();
}

Result<std::vector<MountSpec>> mount_system(rpc::Link& link, const std::string& root, bool read_only,
                                            Unlocker& unlocker, std::stop_token stop)
{
    GM_TRY(unlocker.open_all(stop));
    auto systems = GM_TRY(find_systems(link, stop));
    if (lacks_something(systems, root) && GM_TRY(unlocker.ask_for_all(stop))) {
        systems = GM_TRY(find_systems(link, stop));
    }
    for (const auto& sentence : unlocker.closed()) {
        log_warning("{}", printable(sentence));
    }
    auto chosen = choose_system(systems, root);
    if (!chosen.ok()) {
        auto error = chosen.take_error();
        error.text += systems.empty() ? what_is_there(link) : "";
        return error;
    }
    const rpc::OperatingSystem& system = **chosen;
    for (const auto& problem : system.problems) {
        log_warning("{}", printable(problem));
    }
    std::vector<MountSpec> mounted;
    for (const auto& wanted : system.mounts) {
        auto outcome = mount_one(link, wanted, read_only, stop);
        if (outcome.ok()) {
            mounted.push_back(
                {.device = wanted.device, .mountpoint = wanted.mountpoint, .options = wanted.options, .type = {}});
            continue;
        }
        const auto failure = outcome.error().errno_value;
        if (mounted.empty() || failure == ENOTCONN || failure == ECANCELED) {
            return outcome.take_error();
        }
        log_warning("{}", printable(outcome.error().text));
    }
    return mounted;
}

} // namespace gm::mount
