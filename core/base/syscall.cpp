// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/base/syscall.hpp"

#include <algorithm>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>

namespace gm {

Result<UniqueFd> open_file(const std::string& path, int flags, unsigned mode)
{
    const int fd = GM_TRY(sys([&] { return ::open(path.c_str(), flags | O_CLOEXEC, mode); },
                              [&] { return fmt::format("open '{}'", path); }));
    return UniqueFd{fd};
}

Result<std::string> read_file(const std::string& path, std::size_t limit)
{
    const UniqueFd fd = GM_TRY(open_file(path, O_RDONLY));
    std::string content;
    while (true) {
        const std::size_t have = content.size();
        content.resize(have + 65536);
        const auto got = GM_TRY(sys([&] { return ::read(fd.get(), content.data() + have, content.size() - have); },
                                    [&] { return fmt::format("read '{}'", path); }));
        content.resize(have + static_cast<std::size_t>(got));
        if (got == 0) {
            return content;
        }
        if (content.size() > limit) {
            return make_error(EFBIG, "read '{}': more than {} bytes", path, limit);
        }
    }
}

Result<void> replace_file(const std::string& path, std::string_view content, unsigned mode)
{
    const std::string aside = fmt::format("{}.{}.new", path, ::getpid());
    const UniqueFd fd = GM_TRY(open_file(aside, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, mode));
    auto written = write_all(fd.get(), std::as_bytes(std::span{content}));
    if (written.ok() && (::fsync(fd.get()) == -1 || ::rename(aside.c_str(), path.c_str()) == -1)) {
        written = system_error(errno, "replace");
    }
    if (!written.ok()) {
        ::unlink(aside.c_str());
        return with_context(written.take_error(), fmt::format("write '{}'", path));
    }
    return {};
}

Result<void> write_all(int fd, std::span<const std::byte> bytes)
{
    while (!bytes.empty()) {
        const auto put = GM_TRY(sys([&] { return ::write(fd, bytes.data(), bytes.size()); }, "write"));
        bytes = bytes.subspan(static_cast<std::size_t>(put));
    }
    return {};
}

Result<void> writev_all(int fd, std::span<iovec> parts)
{
    bool is_socket = true;
    while (true) {
        while (!parts.empty() && parts.front().iov_len == 0) {
            parts = parts.subspan(1);
        }
        if (parts.empty()) {
            return {};
        }
        msghdr message{};
        message.msg_iov = parts.data();
        message.msg_iovlen = std::min<std::size_t>(parts.size(), IOV_MAX);
        ssize_t put = is_socket ? retry([&] { return ::sendmsg(fd, &message, MSG_NOSIGNAL); }) : -1;
        if (put == -1 && (!is_socket || errno == ENOTSOCK)) {
            is_socket = false;
            put = retry([&] { return ::writev(fd, message.msg_iov, static_cast<int>(message.msg_iovlen)); });
        }
        if (put == -1) {
            return system_error(errno, "send");
        }
        auto left = static_cast<std::size_t>(put);
        while (left > 0) {
            const std::size_t step = std::min(left, parts.front().iov_len);
            parts.front().iov_base = static_cast<std::byte*>(parts.front().iov_base) + step;
            parts.front().iov_len -= step;
            left -= step;
            if (parts.front().iov_len == 0) {
                parts = parts.subspan(1);
            }
        }
    }
}

Result<bool> read_exact(int fd, std::span<std::byte> bytes)
{
    std::size_t have = 0;
    while (have < bytes.size()) {
        const auto got = GM_TRY(sys([&] { return ::read(fd, bytes.data() + have, bytes.size() - have); }, "receive"));
        if (got == 0) {
            if (have == 0) {
                return false;
            }
            return make_error(ECONNRESET, "receive: the other side ended in the middle of a message");
        }
        have += static_cast<std::size_t>(got);
    }
    return true;
}

Result<bool> wait_for(int fd, short events, std::chrono::milliseconds timeout)
{
    const auto end = std::chrono::steady_clock::now() + timeout;
    while (true) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
        pollfd item{.fd = fd, .events = events, .revents = 0};
        const int ready = ::poll(&item, 1, static_cast<int>(std::max<std::int64_t>(left.count(), 0)));
        if (ready > 0) {
            return true;
        }
        if (ready == 0) {
            return false;
        }
        if (errno != EINTR) {
            return system_error(errno, "poll");
        }
    }
}

Result<SocketPair> make_socket_pair()
{
    int fds[2];
    GM_TRY(sys([&] { return ::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds); }, "socketpair"));
    return SocketPair{UniqueFd{fds[0]}, UniqueFd{fds[1]}};
}

Result<Pipe> make_pipe()
{
    int fds[2];
    GM_TRY(sys([&] { return ::pipe2(fds, O_CLOEXEC); }, "pipe"));
    return Pipe{UniqueFd{fds[0]}, UniqueFd{fds[1]}};
}

} // namespace gm
