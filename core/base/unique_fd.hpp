// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Owner of one file descriptor, closed exactly once. There is no conversion to bool: 0 is a valid descriptor.
#pragma once

#include <unistd.h>
#include <utility>

namespace gm {

class UniqueFd {
public:
    UniqueFd() = default;
    explicit UniqueFd(int fd) : fd_(fd) {}
    UniqueFd(UniqueFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    UniqueFd& operator=(UniqueFd&& other) noexcept
    {
        if (this != &other) {
            reset();
            fd_ = std::exchange(other.fd_, -1);
        }
        return *this;
    }
    UniqueFd(const UniqueFd&) = delete;
    UniqueFd& operator=(const UniqueFd&) = delete;
    ~UniqueFd() { reset(); }

    [[nodiscard]] int get() const { return fd_; }
    [[nodiscard]] bool valid() const { return fd_ >= 0; }

    // Gives the descriptor to the caller, who must close it.
    [[nodiscard]] int release() { return std::exchange(fd_, -1); }

    void reset()
    {
        if (fd_ >= 0) {
            ::close(std::exchange(fd_, -1)); // never retried: close(2), the descriptor is gone even after EINTR
        }
    }

private:
    int fd_ = -1;
};

} // namespace gm
