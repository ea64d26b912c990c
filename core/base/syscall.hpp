// SPDX-License-Identifier: LGPL-2.1-or-later
//
// System calls as Results: retried after EINTR, -1 turned into an Error that names what was tried.
#pragma once

#include "core/base/error.hpp"
#include "core/base/unique_fd.hpp"

#include <cerrno>
#include <chrono>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <sys/uio.h>

namespace gm {

// Calls `call` until it does not fail with EINTR. `call` returns -1 and sets errno on failure.
template <typename Call>
auto retry(Call&& call)
{
    auto result = call();
    while (result == -1 && errno == EINTR) {
        result = call();
    }
    return result;
}

// retry(), with the failure as an Error "what: <errno>". `what` is text, or a callable that makes the text on failure
// only.
template <typename Call, typename What>
auto sys(Call&& call, What&& what) -> Result<decltype(call())>
{
    auto result = retry(call);
    if (result == -1) {
        const int errno_value = errno;
        if constexpr (std::is_invocable_v<What>) {
            return system_error(errno_value, what());
        } else {
            return system_error(errno_value, what);
        }
    }
    return result;
}

// open(2) with O_CLOEXEC added.
Result<UniqueFd> open_file(const std::string& path, int flags, unsigned mode = 0);

// The whole of a file, at most `limit` bytes (EFBIG beyond); for small files of ours, of /proc and of /sys.
Result<std::string> read_file(const std::string& path, std::size_t limit = 1 << 20);

// Creates or replaces a file by write-aside, fsync and rename, so that readers see the old content or the new.
Result<void> replace_file(const std::string& path, std::string_view content, unsigned mode = 0600);

// Everything to a descriptor, over short writes; blocks until done.
Result<void> write_all(int fd, std::span<const std::byte> bytes);

// Everything of several buffers to a socket (MSG_NOSIGNAL) or another descriptor; `parts` is consumed. Blocks until
// done.
Result<void> writev_all(int fd, std::span<iovec> parts);

// Exactly bytes.size() bytes; false at end of file before the first byte, ECONNRESET at end of file later. Blocks.
Result<bool> read_exact(int fd, std::span<std::byte> bytes);

// Waits until `fd` has one of `events` (poll(2)); false when `timeout` passes first.
Result<bool> wait_for(int fd, short events, std::chrono::milliseconds timeout);

// A connected pair of close-on-exec stream sockets.
struct SocketPair {
    UniqueFd first;
    UniqueFd second;
};
Result<SocketPair> make_socket_pair();

struct Pipe {
    UniqueFd read_end;
    UniqueFd write_end;
};
Result<Pipe> make_pipe();

} // namespace gm
