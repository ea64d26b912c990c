// SPDX-License-Identifier: GPL-2.0-or-later
//
// The process that serves the mount and the one that the user started: the latter waits for the other's report, then
// ends with it. Before any thread is started. The waiting process passes SIGINT, SIGTERM and SIGHUP on; when it dies,
// the other is asked to end.
#pragma once

#include "core/base/error.hpp"
#include "core/base/unique_fd.hpp"

#include <functional>
#include <string>

namespace gm::mount {

// The serving process's way to tell how it went. In the foreground it prints.
class Report {
public:
    Report() = default; // foreground
    explicit Report(UniqueFd pipe) : pipe_(std::move(pipe)) {}

    // From here on the end of the waiting process is seen by ready(). For the main thread.
    void about_to_serve();
    // The mount is ready: lets the user go on, and leaves the terminal (`keep_output`: but for standard error).
    // ECANCELED: nobody waits any more. For any thread.
    Result<void> ready(bool keep_output);
    void failed(const Error& error);

private:
    UniqueFd pipe_;
};

// "guestmount: <text>" as one line on standard error.
void print_error(const Error& error);

// Runs `serve` in a new process and returns, in this one, the exit status to end with; in the new one it does not
// return. With `foreground` it only runs it.
int run_and_report(bool foreground, const std::function<int(Report&)>& serve);

} // namespace gm::mount
