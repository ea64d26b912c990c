// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What the kernel announces about devices (there is no udev). The kernel announces a disk once its partitions have been
// read, so the announcement tells that the disk is complete. One thread at a time.
#pragma once

#include "core/base/error.hpp"
#include "core/base/unique_fd.hpp"

#include <chrono>
#include <optional>
#include <string>

namespace gm::daemon {

struct Uevent {
    std::string action;  // "add", "change", "remove"
    std::string name;    // "sda"
    std::string devtype; // "disk", "partition"
    bool operator==(const Uevent&) const = default;
};

// An announcement of a block device; nothing for any other, or for a malformed message.
std::optional<Uevent> parse_uevent(std::string_view message);

class UeventListener {
public:
    // Hears what is announced from now on.
    static Result<UeventListener> open();

    // The next announcement that is already here; nothing when there is none. EOVERFLOW: some were lost.
    Result<std::optional<Uevent>> next();

    // Until there is one, or the time has passed.
    void wait(std::chrono::milliseconds timeout) const;

private:
    explicit UeventListener(UniqueFd socket) : socket_(std::move(socket)) {}
    UniqueFd socket_;
};

} // namespace gm::daemon
