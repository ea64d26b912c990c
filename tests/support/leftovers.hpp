// SPDX-License-Identifier: GPL-2.0-or-later
//
// What a test run has started and not ended. Every process inherits this run's own TMPDIR, so /proc tells whose it is,
// however it was detached; whatever is mounted below TMPDIR is ours too.
#pragma once

#include <string>
#include <sys/types.h>
#include <vector>

namespace gm::test {

struct Process {
    pid_t pid = -1;
    std::string name;
    std::string command_line;
};

// Living processes of this run, without the calling one. With a name, only those that begin with it ("qemu").
std::vector<Process> our_processes(const std::string& name_prefix = "");
std::vector<std::string> our_mounts();

// One line for each process and mount that is there; nothing is ended.
std::vector<std::string> leftovers();

// Ends and unmounts everything of this run, for a clean machine after a failure.
void remove_leftovers();

} // namespace gm::test
