// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/uevents.hpp"

#include "core/base/syscall.hpp"

#include <algorithm>
#include <linux/netlink.h>
#include <poll.h>
#include <sys/socket.h>

namespace gm::daemon {
namespace {

constexpr int kReceiveBuffer = 4 << 20; // hundreds of disks with partitions, announced while nobody listens
constexpr unsigned kKernelGroup = 1;

} // namespace

std::optional<Uevent> parse_uevent(std::string_view message)
{
    Uevent event;
    bool block = false;
    bool first = true; // "add@/devices/..."
    while (!message.empty()) {
        const std::string_view line = message.substr(0, message.find('\0'));
        message.remove_prefix(std::min(message.size(), line.size() + 1));
        const auto value_of = [&](std::string_view key) -> std::optional<std::string_view> {
            return line.starts_with(key) ? std::optional{line.substr(key.size())} : std::nullopt;
        };
        if (first) {
            first = false;
            if (line.find('@') == std::string_view::npos) {
                return std::nullopt;
            }
        } else if (const auto action = value_of("ACTION=")) {
            event.action = *action;
        } else if (const auto name = value_of("DEVNAME=")) {
            event.name = *name;
        } else if (const auto devtype = value_of("DEVTYPE=")) {
            event.devtype = *devtype;
        } else if (line == "SUBSYSTEM=block") {
            block = true;
        }
    }
    return block && !event.name.empty() ? std::optional{event} : std::nullopt;
}

Result<UeventListener> UeventListener::open()
{
    const int fd = GM_TRY(
        sys([] { return ::socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_KOBJECT_UEVENT); },
            "listen to the kernel's device events"));
    UniqueFd socket{fd};
    // Best effort: a smaller buffer loses announcements, which next() tells.
    ::setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &kReceiveBuffer, sizeof kReceiveBuffer);
    sockaddr_nl address{};
    address.nl_family = AF_NETLINK;
    address.nl_groups = kKernelGroup;
    GM_TRY(sys([&] { return ::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address); },
               "listen to the kernel's device events"));
    return UeventListener{std::move(socket)};
}

Result<std::optional<Uevent>> UeventListener::next()
{
    char buffer[8192];
    while (true) {
        sockaddr_nl from{};
        socklen_t from_size = sizeof from;
        const auto got = retry([&] {
            return ::recvfrom(socket_.get(), buffer, sizeof buffer, 0, reinterpret_cast<sockaddr*>(&from), &from_size);
        });
        if (got == -1 && errno == ENOBUFS) {
            return make_error(EOVERFLOW, "the kernel's device events came too fast");
        }
        if (got <= 0) {
            return std::optional<Uevent>{};
        }
        if (from.nl_pid != 0) {
            continue; // not from the kernel
        }
        if (auto event = parse_uevent({buffer, static_cast<std::size_t>(got)})) {
            return event;
        }
    }
}

void UeventListener::wait(std::chrono::milliseconds timeout) const
{
    static_cast<void>(wait_for(socket_.get(), POLLIN, timeout).ok()); // whoever waits looks again in any case
}

} // namespace gm::daemon
