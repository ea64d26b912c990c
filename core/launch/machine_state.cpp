// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/launch/machine_state.hpp"

#include <nlohmann/json.hpp>
#include <vector>

namespace gm::launch {
namespace {

Result<void> start_migration(Qmp& qmp, std::string_view command, int file, Deadline deadline)
{
    const Json capabilities = Json::array(
        {Json{{"capability", "x-ignore-shared"}, {"state", true}}, Json{{"capability", "events"}, {"state", true}}});
    std::vector<Qmp::Ticket> tickets;
    tickets.push_back(GM_TRY(qmp.send("migrate-set-capabilities", Json{{"capabilities", capabilities}})));
    tickets.push_back(GM_TRY(qmp.send_fd("getfd", Json{{"fdname", "state"}}, file)));
    tickets.push_back(GM_TRY(qmp.send(command, Json{{"uri", "fd:state"}})));
    std::optional<Error> failed;
    for (const auto ticket : tickets) {
        auto answer = qmp.finish(ticket, deadline);
        if (!answer && !failed) {
            failed = answer.take_error();
        }
    }
    if (failed) {
        return *failed;
    }
    return {};
}

} // namespace

Result<void> save_state(QemuProcess& qemu, int file, Deadline deadline)
{
    // The machine runs until the end of the migration, which then notes that it was running: a clone goes on by itself.
    GM_TRY(start_migration(qemu.qmp(), "migrate", file, deadline));
    return qemu.migrated(deadline);
}

Result<void> load_state(Qmp& qmp, int file, Deadline deadline)
{
    return start_migration(qmp, "migrate-incoming", file, deadline);
}

} // namespace gm::launch
