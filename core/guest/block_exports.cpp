// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/guest/block_exports.hpp"

#include "core/base/syscall.hpp"
#include "core/guest/blockdev.hpp"
#include "core/guest/private_folder.hpp"

#include <nlohmann/json.hpp>
#include <sys/socket.h>
#include <sys/un.h>

namespace gm {
namespace {

using launch::Json;

Result<UniqueFd> connect_to(const std::string& path)
{
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path) {
        return make_error(ENAMETOOLONG, "'{}' is too long for a socket: set TMPDIR to a shorter path", path);
    }
    path.copy(address.sun_path, path.size());
    UniqueFd socket{GM_TRY(sys([] { return ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0); }, "socket"))};
    GM_TRY(sys([&] { return ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address); },
               "connect to qemu's block server"));
    return socket;
}

} // namespace

Result<std::vector<UniqueFd>> connect_block_exports(launch::Qmp& qmp, unsigned disks, unsigned connections,
                                                    Deadline deadline)
{
    const TempDir folder = GM_TRY(private_folder());
    const std::string path = folder.path() + "/nbd";
    const Json address{{"type", "unix"}, {"data", {{"path", path}}}};
    std::vector<launch::Qmp::Ticket> tickets;
    tickets.push_back(GM_TRY(qmp.send("nbd-server-start", Json{{"addr", address}})));
    for (unsigned i = 0; i < disks; ++i) {
        const auto name = disk_node_name(i);
        tickets.push_back(GM_TRY(
            qmp.send("block-export-add", Json{{"type", "nbd"}, {"id", name}, {"node-name", name}, {"name", name}})));
    }
    std::optional<Error> failed;
    for (const auto ticket : tickets) {
        auto answer = qmp.finish(ticket, deadline);
        if (!answer && !failed) {
            failed = with_context(answer.take_error(), "qemu's block server");
        }
    }
    if (failed) {
        return *failed;
    }
    std::vector<UniqueFd> sockets;
    for (unsigned i = 0; i < connections; ++i) {
        sockets.push_back(GM_TRY(connect_to(path)));
    }
    return sockets;
}

} // namespace gm
