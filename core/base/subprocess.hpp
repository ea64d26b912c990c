// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A child process that never outlives its owner: started by argv (no shell), killed by the kernel when the thread's
// process dies (PR_SET_PDEATHSIG), watched through a pidfd, asked to end, killed and reaped by the destructor.
// One thread uses a Subprocess at a time. PR_SET_PDEATHSIG follows the starting thread (prctl(2)): start a long-lived
// child from a thread that lives as long.
#pragma once

#include "core/base/error.hpp"
#include "core/base/unique_fd.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

namespace gm {

struct Command {
    struct InheritedFd {
        int ours;   // a descriptor of this process; stays owned by the caller
        int theirs; // its number in the child
    };

    std::vector<std::string> argv;              // argv[0] is looked up in PATH
    std::vector<InheritedFd> inherited;         // all else but 0, 1, 2 is closed
    std::vector<std::string> extra_environment; // "NAME=value", added to ours or in place of it
    std::optional<int> standard_input;          // default: /dev/null
    std::optional<int> standard_output;         // default: /dev/null
    std::optional<int> standard_error;          // default: inherited
    bool new_session = true;                    // setsid: a Ctrl-C on our terminal is for us alone
};

// How a child ended, as waitid(2) tells.
struct ExitStatus {
    bool signalled = false;
    int code = 0; // exit status, or the signal's number

    [[nodiscard]] bool success() const { return !signalled && code == 0; }
    [[nodiscard]] std::string text() const;
    bool operator==(const ExitStatus&) const = default;
};

class Subprocess {
public:
    // ENOENT with the program's name when it is not in PATH; nothing is left running on failure.
    static Result<Subprocess> start(const Command& command);

    Subprocess(Subprocess&& other) noexcept;
    Subprocess& operator=(Subprocess&&) = delete;
    Subprocess(const Subprocess&) = delete;
    Subprocess& operator=(const Subprocess&) = delete;
    ~Subprocess(); // kill_and_reap()

    [[nodiscard]] pid_t pid() const { return pid_; }
    // Readable once the child has ended; owned by this object.
    [[nodiscard]] int pidfd() const { return pidfd_.get(); }

    // The end of the child, or nothing when `timeout` passes first. Blocks. Once seen, the same answer is given again.
    std::optional<ExitStatus> wait(std::chrono::milliseconds timeout);

    void send_signal(int signal_number);

    // SIGKILL, then reaped; returns how it ended. Blocks only as long as the kernel needs.
    ExitStatus kill_and_reap();

private:
    Subprocess(pid_t pid, UniqueFd pidfd) : pid_(pid), pidfd_(std::move(pidfd)) {}

    pid_t pid_ = -1;
    UniqueFd pidfd_;
    std::optional<ExitStatus> ended_;
};

// Runs a program to its end with its output captured. Ends it by SIGKILL and answers ETIMEDOUT after `timeout`, EFBIG
// once it has written more than `output_limit` bytes. Blocks.
struct CapturedRun {
    ExitStatus status;
    std::string output;       // standard output
    std::string error_output; // standard error
};
Result<CapturedRun> run_captured(std::vector<std::string> argv, std::chrono::milliseconds timeout,
                                 std::string_view input = {}, std::size_t output_limit = 16 << 20);

} // namespace gm
