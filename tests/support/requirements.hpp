// SPDX-License-Identifier: GPL-2.0-or-later
//
// First line of a test that needs more than a plain process. What is missing is probed for real; then the process ends
// with 77, which CTest reports as skipped, unless GM_TESTS_REQUIRE (a list such as "fuse,vm") names it: then the test
// fails. Never returns when the requirement is not met.
#pragma once

namespace gm::test {

void require_fuse(); // /dev/fuse opens, and fusermount3 is there unless we are root
void require_vm();   // qemu, supermin and a readable kernel: an appliance can be built and booted
void require_root(); // loop mounts, device nodes, other owners; named by "root", implied by "vm"
// The program that a test is about, found by asking it for its version; implied by "vm".
void require_workload(const char* program, const char* option = "--version");

} // namespace gm::test
