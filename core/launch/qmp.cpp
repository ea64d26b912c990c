// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/launch/qmp.hpp"

#include "core/base/log.hpp"
#include "core/base/syscall.hpp"

#include <condition_variable>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <poll.h>
#include <sys/socket.h>
#include <thread>

namespace gm::launch {
namespace {

constexpr std::size_t kLongestLine = 16 << 20; // query-named-block-nodes with 255 disks is about 1 MiB

Error closed_error()
{
    return make_error(ENOTCONN, "qemu's monitor is closed");
}

// One message, with `fd` in its ancillary data when it is not -1. Messages are small: they fit the socket's buffer.
Result<void> send_message(int socket, std::string_view text, int fd)
{
    iovec part{const_cast<char*>(text.data()), text.size()}; // sendmsg(2) does not write to it
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    if (fd != -1) {
        message.msg_control = control;
        message.msg_controllen = sizeof control;
        cmsghdr* header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(int));
        std::copy_n(reinterpret_cast<const char*>(&fd), sizeof fd, reinterpret_cast<char*>(CMSG_DATA(header)));
    }
    const auto sent = GM_TRY(sys([&] { return ::sendmsg(socket, &message, MSG_NOSIGNAL); }, "send to qemu's monitor"));
    const auto rest = text.substr(static_cast<std::size_t>(sent));
    iovec left{const_cast<char*>(rest.data()), rest.size()};
    return writev_all(socket, {&left, 1});
}

} // namespace

struct Qmp::State {
    UniqueFd socket;
    EventFn on_event;
    std::string version;

    std::mutex send_mutex; // one message at a time on the socket; never held together with `mutex`
    std::mutex mutex;      // guards what follows
    std::condition_variable changed;
    bool greeted = false;
    bool closed = false;
    unsigned long last_id = 0;
    std::map<unsigned long, std::optional<Json>> waiting; // answer, once it is here

    std::jthread reader;

    void read_until_closed();
    void take_line(std::string_view line);
    void take_message(Json message);
};

void Qmp::State::read_until_closed()
{
    std::string pending;
    char buffer[16384];
    for (;;) {
        const auto got = retry([&] { return ::read(socket.get(), buffer, sizeof buffer); });
        if (got <= 0) {
            break;
        }
        pending.append(buffer, static_cast<std::size_t>(got));
        std::size_t begin = 0;
        for (auto end = pending.find('\n'); end != std::string::npos; end = pending.find('\n', begin)) {
            take_line(std::string_view{pending}.substr(begin, end - begin));
            begin = end + 1;
        }
        pending.erase(0, begin);
        if (pending.size() > kLongestLine) {
            break;
        }
    }
    const std::lock_guard lock(mutex);
    closed = true;
    changed.notify_all();
}

void Qmp::State::take_line(std::string_view line)
{
    Json message = Json::parse(line, nullptr, false);
    if (!message.is_object()) {
        log_warning("qemu's monitor: not understood: {}", line);
        return;
    }
    take_message(std::move(message));
}

void Qmp::State::take_message(Json message)
{
    if (const auto event = message.find("event"); event != message.end() && event->is_string()) {
        log_debug("qmp event: {}", message.dump());
        if (on_event) {
            on_event(event->get<std::string>(), message.value("data", Json::object()));
        }
        return;
    }
    const std::lock_guard lock(mutex);
    if (const auto greeting = message.find("QMP"); greeting != message.end()) {
        version = greeting->value("/version/package"_json_pointer, std::string{});
        const auto number = greeting->value("/version/qemu"_json_pointer, Json::object());
        version = fmt::format("{}.{}.{} {}", number.value("major", 0), number.value("minor", 0),
                              number.value("micro", 0), version);
        greeted = true;
    } else if (const auto id = message.find("id"); id != message.end() && id->is_number_unsigned()) {
        if (const auto slot = waiting.find(id->get<unsigned long>()); slot != waiting.end()) {
            slot->second = std::move(message);
        }
    }
    changed.notify_all();
}

Qmp::Qmp(std::unique_ptr<State> state) : state_(std::move(state)) {}

Qmp::~Qmp()
{
    ::shutdown(state_->socket.get(), SHUT_RDWR); // ends the reader
}

Result<std::unique_ptr<Qmp>> Qmp::connect(UniqueFd socket, EventFn on_event, Deadline deadline)
{
    auto state = std::make_unique<State>();
    state->socket = std::move(socket);
    state->on_event = std::move(on_event);
    state->reader = std::jthread([raw = state.get()] { raw->read_until_closed(); });
    std::unique_ptr<Qmp> qmp{new Qmp(std::move(state))};
    {
        std::unique_lock lock(qmp->state_->mutex);
        const bool done = qmp->state_->changed.wait_until(lock, deadline.at(),
                                                          [&] { return qmp->state_->greeted || qmp->state_->closed; });
        if (!done) {
            return make_error(ETIMEDOUT, "qemu's monitor did not greet in time");
        }
        if (qmp->state_->closed) {
            return closed_error();
        }
    }
    GM_TRY(qmp->execute("qmp_capabilities", deadline));
    return qmp;
}

const std::string& Qmp::version() const
{
    return state_->version; // written once, before connect() returned
}

Result<Qmp::Ticket> Qmp::send_fd(std::string_view command, const Json& arguments, int fd)
{
    Ticket ticket;
    {
        const std::lock_guard lock(state_->mutex);
        if (state_->closed) {
            return closed_error();
        }
        ticket.id = ++state_->last_id;
        state_->waiting.emplace(ticket.id, std::nullopt);
    }
    Json message{{"execute", command}, {"id", ticket.id}};
    if (!arguments.empty()) {
        message["arguments"] = arguments;
    }
    // File names are bytes: what is no UTF-8 cannot be said in JSON, and is caught where names are checked.
    const std::string text = message.dump(-1, ' ', false, Json::error_handler_t::replace) + '\n';
    // What makes an object may be a secret.
    log_debug("qmp: {}", command == "object-add" ? command : std::string_view{text}.substr(0, text.size() - 1));
    const auto sent = [&] {
        const std::lock_guard lock(state_->send_mutex);
        return send_message(state_->socket.get(), text, fd);
    }();
    if (!sent) {
        const std::lock_guard lock(state_->mutex);
        state_->waiting.erase(ticket.id);
        return closed_error();
    }
    return ticket;
}

Result<Qmp::Ticket> Qmp::send(std::string_view command, const Json& arguments)
{
    return send_fd(command, arguments, -1);
}

Result<Json> Qmp::finish(Ticket ticket, Deadline deadline)
{
    std::unique_lock lock(state_->mutex);
    const auto slot = state_->waiting.find(ticket.id);
    const bool answered =
        state_->changed.wait_until(lock, deadline.at(), [&] { return slot->second || state_->closed; });
    auto answer = std::move(slot->second);
    state_->waiting.erase(slot);
    if (answer) {
        if (const auto error = answer->find("error"); error != answer->end()) {
            return Error{EIO, error->value("desc", std::string{"qemu gave no reason"})};
        }
        return answer->value("return", Json::object());
    }
    return answered ? closed_error() : make_error(ETIMEDOUT, "qemu's monitor did not answer in time");
}

Result<Json> Qmp::execute(std::string_view command, const Json& arguments, Deadline deadline)
{
    const Ticket ticket = GM_TRY(send(command, arguments));
    return finish(ticket, deadline);
}

Result<Json> Qmp::execute(std::string_view command, Deadline deadline)
{
    return execute(command, Json::object(), deadline);
}

} // namespace gm::launch
