// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A client of qemu's monitor protocol on a connected socket. Any thread may send commands; several may be under way
// at once. The client's own thread reads: it completes the commands and calls the event function. When the socket
// ends, every command, waiting or new, fails with ENOTCONN.
#pragma once

#include "core/base/clock.hpp"
#include "core/base/error.hpp"
#include "core/base/unique_fd.hpp"

#include <functional>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

namespace gm::launch {

using Json = nlohmann::json;

class Qmp {
public:
    // Called by the reading thread: must not wait for a command.
    using EventFn = std::function<void(const std::string& name, const Json& data)>;

    // Takes the greeting and leaves negotiation mode. ECONNRESET when qemu ended first, ETIMEDOUT.
    static Result<std::unique_ptr<Qmp>> connect(UniqueFd socket, EventFn on_event, Deadline deadline);

    Qmp(const Qmp&) = delete;
    Qmp& operator=(const Qmp&) = delete;
    ~Qmp();

    // As qemu's greeting tells it, with the distributor's package version.
    [[nodiscard]] const std::string& version() const;

    // Sends a command and waits for its answer. A refusal by qemu is an EIO with qemu's own words.
    Result<Json> execute(std::string_view command, const Json& arguments, Deadline deadline);
    Result<Json> execute(std::string_view command, Deadline deadline);

    // The two halves of execute(), to have several commands under way.
    struct Ticket {
        unsigned long id = 0;
    };
    Result<Ticket> send(std::string_view command, const Json& arguments);
    Result<Ticket> send_fd(std::string_view command, const Json& arguments, int fd); // qemu gets a duplicate
    Result<Json> finish(Ticket ticket, Deadline deadline);

private:
    struct State;
    explicit Qmp(std::unique_ptr<State> state);

    std::unique_ptr<State> state_;
};

} // namespace gm::launch
