// SPDX-License-Identifier: GPL-2.0-or-later
#include "mount/key_input.hpp"

#include "core/base/syscall.hpp"

#include <array>
#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <termios.h>
#include <unistd.h>

namespace gm::mount {
namespace {

// Switches a terminal's echo off, and on again at its end.
class NoEcho {
public:
    NoEcho(int terminal, bool wanted) : terminal_(terminal)
    {
        changed_ = wanted && ::tcgetattr(terminal, &before_) == 0;
        if (changed_) {
            termios silent = before_;
            silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
            ::tcsetattr(terminal_, TCSAFLUSH, &silent);
        }
    }
    NoEcho(const NoEcho&) = delete;
    NoEcho& operator=(const NoEcho&) = delete;
    ~NoEcho()
    {
        if (changed_) {
            ::tcsetattr(terminal_, TCSAFLUSH, &before_);
        }
    }

private:
    int terminal_;
    bool changed_ = false;
    termios before_{};
};

void write_text(int fd, std::string_view text)
{
    static_cast<void>(write_all(fd, std::as_bytes(std::span{text})).ok()); // who cannot see the prompt can still answer
}

} // namespace

KeyInput KeyInput::terminal(bool echo)
{
    auto fd = open_file("/dev/tty", O_RDWR | O_NOCTTY);
    return fd.ok() ? KeyInput{fd.take_value(), true, echo} : KeyInput{};
}

KeyInput KeyInput::standard_input(bool echo)
{
    return {UniqueFd{::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3)}, false, echo};
}

Result<Secret> KeyInput::ask(const std::string& prompt, const std::stop_token& stop)
{
    const UniqueFd stopped{::eventfd(0, EFD_CLOEXEC)};
    const std::stop_callback wake(stop, [&] { ::eventfd_write(stopped.get(), 1); });
    const NoEcho silence(fd_.get(), !echo_);
    if (terminal_) {
        write_text(fd_.get(), prompt);
    }
    std::array<char, 8192> line;
    std::size_t size = 0;
    Result<Secret> answer = make_error(ENODATA, "no key was given");
    // A byte at a time: what follows the line may be for somebody else.
    while (size < line.size()) {
        pollfd items[] = {{fd_.get(), POLLIN, 0}, {stopped.get(), POLLIN, 0}};
        if (::poll(items, 2, -1) == -1 && errno != EINTR) {
            break;
        }
        if (items[1].revents != 0) {
            answer = make_error(ECANCELED, "interrupted");
            break;
        }
        if (items[0].revents == 0) {
            continue;
        }
        const auto got = retry([&] { return ::read(fd_.get(), line.data() + size, 1); });
        const bool end = got <= 0 || line[size] == '\n';
        if (end && (got > 0 || size > 0)) {
            answer = Secret{{line.data(), size}};
        }
        if (end) {
            break;
        }
        ++size;
    }
    ::explicit_bzero(line.data(), line.size());
    if (terminal_ && !echo_) {
        write_text(fd_.get(), "\n");
    }
    return answer;
}

} // namespace gm::mount
