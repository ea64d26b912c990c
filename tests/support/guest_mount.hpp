// SPDX-License-Identifier: GPL-2.0-or-later
//
// A running guestmount: mounts in its constructor, unmounts in its destructor, leaves nothing behind either way.
// The program is the one of the build tree; GM_TEST_GUESTMOUNT and GM_TEST_GUESTUNMOUNT name others.
#pragma once

#include "tests/support/program.hpp"
#include "tests/support/scratch.hpp"

#include <string>
#include <sys/types.h>
#include <vector>

namespace gm::test {

std::string guestmount_program();
std::string guestunmount_program();

class GuestMount {
public:
    // guestmount OPTIONS... --pid-file FILE FOLDER; the test case ends as failed unless it succeeds.
    explicit GuestMount(const std::vector<std::string>& options);
    GuestMount(const GuestMount&) = delete;
    GuestMount& operator=(const GuestMount&) = delete;
    ~GuestMount();

    [[nodiscard]] const std::string& path() const { return folder_.path(); }
    [[nodiscard]] std::string operator/(std::string_view leaf) const { return folder_ / leaf; }
    [[nodiscard]] pid_t worker() const { return worker_; }
    // What guestmount wrote to standard error until it was ready: its warnings.
    [[nodiscard]] const std::string& said() const { return said_; }
    [[nodiscard]] Millis mount_time() const { return mount_time_; }

    // guestunmount, which must succeed; at its return nothing of the mount may be left.
    void unmount();

private:
    Scratch files_;
    Scratch folder_;
    pid_t worker_ = -1;
    std::string said_;
    Millis mount_time_{0};
    bool mounted_ = false;
};

} // namespace gm::test
