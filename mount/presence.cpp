// SPDX-License-Identifier: GPL-2.0-or-later
#include "mount/presence.hpp"

#include "core/base/syscall.hpp"

#include <cstddef>
#include <cstring>
#include <sys/socket.h>
#include <sys/un.h>

namespace gm::mount {
namespace {

// The kernel gives the number of a device that is gone to the next one, whose process then finds its predecessor still
// closing its image: so many may be at that at once.
constexpr unsigned kPlaces = 8;
constexpr int kBacklog = 128; // connections are never accepted; this many may wait for one mount to end

struct Address {
    sockaddr_un value{};
    socklen_t size = 0;

    Address(const MountIdentity& mount, unsigned place)
    {
        const auto name =
            fmt::format("guestmount/{}/{}:{}/{}", mount.owner, mount.device_major, mount.device_minor, place);
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
    const auto bind = [&](unsigned place) {
        const Address address(mount, place);
        return sys([&] { return ::bind(socket.get(), address.get(), address.size); }, "announcing the mount");
    };
    auto bound = bind(0);
    for (unsigned place = 1; place < kPlaces && !bound.ok() && bound.error().errno_value == EADDRINUSE; ++place) {
        bound = bind(place);
    }
    GM_TRY(std::move(bound));
    GM_TRY(sys([&] { return ::listen(socket.get(), kBacklog); }, "announcing the mount"));
    return socket;
}

std::vector<UniqueFd> connect_to_servers(const MountIdentity& mount)
{
    std::vector<UniqueFd> servers;
    for (unsigned place = 0; place < kPlaces; ++place) {
        auto socket = make_socket(SOCK_NONBLOCK);
        const Address address(mount, place);
        if (!socket.ok() || ::connect(socket->get(), address.get(), address.size) == -1) {
            continue;
        }
        ucred peer{};
        socklen_t size = sizeof peer;
        if (::getsockopt(socket->get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && peer.uid == mount.owner) {
            servers.push_back(socket.take_value());
        }
    }
    return servers;
}

} // namespace gm::mount
