// SPDX-License-Identifier: LGPL-2.1-or-later
//
// One NBD connection and its requests in flight. Belongs to the thread that drives it: nothing here is locked.
#pragma once

#include "core/base/clock.hpp"
#include "core/base/unique_fd.hpp"
#include "core/image/block_source.hpp"

#include <libnbd.h>
#include <list>
#include <memory>
#include <string>
#include <vector>

namespace gm::image {

class NbdConnection {
public:
    // Takes the socket and shakes hands for `export_name`. ETIMEDOUT after `limit`. Blocks.
    static Result<NbdConnection> open(UniqueFd socket, const std::string& export_name, Millis limit);

    [[nodiscard]] std::uint64_t size() const { return size_; }
    [[nodiscard]] std::size_t in_flight() const { return requests_.size(); }
    [[nodiscard]] bool alive() const { return handle_ != nullptr; }

    // What to poll, while alive.
    [[nodiscard]] int fd() const { return nbd_aio_get_fd(handle_.get()); }
    [[nodiscard]] short events() const;

    // Sends a request. Its outcome appears in take_finished().
    void submit(BlockRead read, SteadyTime give_up_at);
    // Moves the protocol on after poll(2) reported `revents`.
    void advance(short revents);
    // Closes the connection when its oldest request is overdue.
    void check_deadline(SteadyTime now);
    // Fails what is in flight; the connection is dead afterwards.
    void close(const Error& reason);

    struct Finished {
        std::function<void(Result<void>)> done;
        Result<void> outcome;
    };
    // The requests that ended since the last call: whoever drives us calls them when it holds nothing.
    [[nodiscard]] std::vector<Finished> take_finished();

private:
    struct Request {
        BlockRead read;
        SteadyTime give_up_at;
        bool finished = false;
        int errno_value = 0;
    };
    struct CloseHandle {
        void operator()(nbd_handle* handle) const { nbd_close(handle); }
    };
    using Handle = std::unique_ptr<nbd_handle, CloseHandle>;

    NbdConnection(Handle handle, std::uint64_t size) : size_(size), handle_(std::move(handle)) {}
    static int on_completion(void* request, int* error);
    void close_if_broken();

    std::uint64_t size_;
    std::list<Request> requests_; // addresses are known to libnbd; oldest first. Before handle_: outlives its callbacks
    std::vector<Finished> finished_;
    Handle handle_;
};

} // namespace gm::image
