// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/image/nbd_connection.hpp"

#include "core/base/syscall.hpp"

#include <poll.h>

namespace gm::image {

namespace {

Error nbd_error(std::string_view what)
{
    const char* text = nbd_get_error();
    return make_error(EIO, "{}: {}", what, text == nullptr ? "unknown error" : text);
}

short wanted_events(nbd_handle* handle)
{
    const auto direction = nbd_aio_get_direction(handle);
    return static_cast<short>(((direction & LIBNBD_AIO_DIRECTION_READ) != 0 ? POLLIN : 0) |
                              ((direction & LIBNBD_AIO_DIRECTION_WRITE) != 0 ? POLLOUT : 0));
}

// As nbd_poll(3) does it, but without holding libnbd's lock while waiting.
bool notify(nbd_handle* handle, short revents)
{
    const auto direction = nbd_aio_get_direction(handle);
    if ((revents & (POLLIN | POLLHUP)) != 0 && (direction & LIBNBD_AIO_DIRECTION_READ) != 0) {
        return nbd_aio_notify_read(handle) == 0;
    }
    if ((revents & POLLOUT) != 0 && (direction & LIBNBD_AIO_DIRECTION_WRITE) != 0) {
        return nbd_aio_notify_write(handle) == 0;
    }
    return (revents & (POLLERR | POLLNVAL | POLLHUP)) == 0;
}

} // namespace

Result<NbdConnection> NbdConnection::open(UniqueFd socket, const std::string& export_name, Millis limit)
{
    Handle handle{nbd_create()};
    if (!handle || nbd_set_export_name(handle.get(), export_name.c_str()) != 0 ||
        nbd_set_pread_initialize(handle.get(), false) != 0 || // what a failed read leaves is never looked at
        nbd_aio_connect_socket(handle.get(), socket.release()) != 0) {
        return nbd_error("connect to the image");
    }
    const Deadline deadline{limit};
    while (nbd_aio_is_connecting(handle.get()) == 1) {
        pollfd waiting{nbd_aio_get_fd(handle.get()), wanted_events(handle.get()), 0};
        const int ready =
            GM_TRY(sys([&] { return ::poll(&waiting, 1, static_cast<int>(deadline.left().count())); }, "poll"));
        if (ready == 0) {
            return make_error(ETIMEDOUT, "connect to the image: no answer in {} ms", limit.count());
        }
        if (!notify(handle.get(), waiting.revents)) {
            return nbd_error("connect to the image");
        }
    }
    const auto size = nbd_aio_is_ready(handle.get()) == 1 ? nbd_get_size(handle.get()) : -1;
    if (size < 0) {
        return nbd_error("connect to the image");
    }
    return NbdConnection{std::move(handle), static_cast<std::uint64_t>(size)};
}

short NbdConnection::events() const
{
    return wanted_events(handle_.get());
}

int NbdConnection::on_completion(void* request, int* error)
{
    auto* ended = static_cast<Request*>(request);
    ended->finished = true;
    ended->errno_value = *error;
    return 1; // retire the command: nobody asks for its cookie
}

void NbdConnection::submit(BlockRead read, SteadyTime give_up_at)
{
    auto& request = requests_.emplace_back(Request{std::move(read), give_up_at});
    const nbd_completion_callback completion{.callback = &NbdConnection::on_completion, .user_data = &request};
    const auto cookie = nbd_aio_pread(handle_.get(), request.read.into.data(), request.read.into.size(),
                                      request.read.offset, completion, 0);
    if (cookie == -1) {
        request.finished = true;
        request.errno_value = EIO;
    }
    close_if_broken();
}

void NbdConnection::advance(short revents)
{
    if (revents != 0 && !notify(handle_.get(), revents)) {
        close(nbd_error("the image"));
        return;
    }
    close_if_broken();
}

void NbdConnection::check_deadline(SteadyTime now)
{
    if (!requests_.empty() && requests_.front().give_up_at <= now) {
        close(make_error(EIO, "the image does not answer"));
    }
}

void NbdConnection::close_if_broken()
{
    if (handle_ && (nbd_aio_is_dead(handle_.get()) == 1 || nbd_aio_is_closed(handle_.get()) == 1)) {
        close(nbd_error("the image"));
    }
}

void NbdConnection::close(const Error& reason)
{
    handle_.reset(); // from here on nothing writes into the requests' buffers
    for (auto& request : requests_) {
        Result<void> outcome;
        if (!request.finished || request.errno_value != 0) {
            outcome = Error{EIO, reason.text};
        }
        finished_.push_back({std::move(request.read.done), std::move(outcome)});
    }
    requests_.clear();
}

std::vector<NbdConnection::Finished> NbdConnection::take_finished()
{
    for (auto request = requests_.begin(); request != requests_.end();) {
        if (!request->finished) {
            ++request;
            continue;
        }
        Result<void> outcome;
        if (request->errno_value != 0) {
            outcome = make_error(EIO, "the image: {}", system_error(request->errno_value, "read").text);
        }
        finished_.push_back({std::move(request->read.done), std::move(outcome)});
        request = requests_.erase(request);
    }
    return std::exchange(finished_, {});
}

} // namespace gm::image
