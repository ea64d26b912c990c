// SPDX-License-Identifier: GPL-2.0-or-later
//
// Where keys are asked for: the user's terminal, or standard input with a key on each line. Opened before the serving
// process leaves the terminal's session; one thread at a time.
#pragma once

#include "core/base/error.hpp"
#include "core/base/secret.hpp"
#include "core/base/unique_fd.hpp"

#include <stop_token>
#include <string>

namespace gm::mount {

class KeyInput {
public:
    KeyInput() = default; // nobody to ask

    // The terminal of this process; nobody, when it has none. `echo`: what is typed is shown.
    static KeyInput terminal(bool echo);
    static KeyInput standard_input(bool echo);

    // Whether ask() may be answered.
    [[nodiscard]] bool is_open() const { return fd_.valid(); }
    // A person who can try again.
    [[nodiscard]] bool is_terminal() const { return terminal_; }

    // One line without its end. ENODATA: there are no more; ECANCELED. Blocks.
    Result<Secret> ask(const std::string& prompt, const std::stop_token& stop);

private:
    KeyInput(UniqueFd fd, bool terminal, bool echo) : fd_(std::move(fd)), terminal_(terminal), echo_(echo) {}

    UniqueFd fd_;
    bool terminal_ = false;
    bool echo_ = false;
};

} // namespace gm::mount
