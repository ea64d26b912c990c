// SPDX-License-Identifier: GPL-2.0-or-later
//
// A small process that outlives a serving process that was killed, and takes away what that left: its mount and its pid
// file. It knows of the death by the end of a pipe. Started before any thread; told by one thread.
#pragma once

#include "core/base/error.hpp"
#include "core/base/unique_fd.hpp"

#include <string>
#include <sys/types.h>

namespace gm::mount {

class Caretaker {
public:
    static Result<Caretaker> start(const std::string& mountpoint, const std::string& pid_file);
    Caretaker(Caretaker&& other) noexcept;
    Caretaker& operator=(Caretaker&&) = delete;
    Caretaker(const Caretaker&) = delete;
    Caretaker& operator=(const Caretaker&) = delete;
    ~Caretaker(); // nothing is left to take away: it ends

    void mounted();
    void pid_file_written();

private:
    Caretaker(UniqueFd pipe, pid_t process) : pipe_(std::move(pipe)), process_(process) {}
    void tell(char what);

    UniqueFd pipe_;
    pid_t process_;
};

} // namespace gm::mount
