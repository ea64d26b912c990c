// SPDX-License-Identifier: GPL-2.0-or-later
#include "mount/presence.hpp"

#include "core/base/syscall.hpp"

#include <cstddef>
#include <cstring>
#include <sys/socket.h>
#include <sys/un.h>

namespace gm::mount {
namespace {

constexpr int kBacklog = 128; // connections are never accepted; this many may wait for one mount to end

struct Address {
    sockaddr_un value{};
    socklen_t size = 0;

    explicit Address(const MountIdentity& mount)
    {
        const auto name = fmt::format("guestmount/{}/{}:{}", mount.owner, mount.device_major, mount.device_minor);
        value.sun_family = AF_UNIX;
        // A first byte of 0 makes the name abstract.
        std::memcpy(value.sun_path + 1, name.data(), std::min(name.size(), sizeof value.sun_path - 1));
        size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
    }
    // As the socket calls take it.
    [[nodiscard]] const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&value); }
};

Result<UniqueFd> make_socket(int flags)
{
    return UniqueFd(GM_TRY(sys([&] { return ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | flags, 0); }, "socket")));
}

} // namespace

Result<UniqueFd> announce_presence(const MountIdentity& mount)
{
    auto socket = GM_TRY(make_socket(0));
    const Address address(mount);
    GM_TRY(sys([&] { return ::bind(socket.get(), address.get(), address.size); }, "announcing the mount"));
    GM_TRY(sys([&] { return ::listen(socket.get(), kBacklog); }, "announcing the mount"));
    return socket;
}

std::optional<UniqueFd> connect_to_server(const MountIdentity& mount)
{
    auto socket = make_socket(SOCK_NONBLOCK);
    const Address address(mount);
    if (!socket.ok() || ::connect(socket->get(), address.get(), address.size) == -1) {
        return std::nullopt;
    }
    ucred peer{};
    socklen_t size = sizeof peer;
    if (::getsockopt(socket->get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) == -1 || peer.uid != mount.owner) {
        return std::nullopt;
    }
    return socket.take_value();
}

} // namespace gm::mount
