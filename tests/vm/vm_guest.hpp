// SPDX-License-Identifier: GPL-2.0-or-later
//
// Guests for the tests of the vm tier: the appliance in the tests' cache, and what differs from case to case.
#pragma once

#include "core/guest/guest.hpp"

#include <string>
#include <vector>

namespace gm::test {

// Options for a guest under TCG with these drives; templates and decisions in `cache_folder` (empty: the cache that all
// tests share). The appliance is built when it is not there yet.
GuestOptions guest_options(std::vector<Drive> drives, const std::string& cache_folder = "");

// Launches; the test case ends as failed when that does not work.
std::unique_ptr<Guest> must_launch(GuestOptions options);

// The launch must fail; answers its error.
Error must_not_launch(GuestOptions options);

// An image file of zeros. `size` in bytes.
std::string make_image(const std::string& path, off_t size);

// A program in `folder` that stands for qemu: a shell script with this text, which finds the real one in $QEMU.
std::string make_wrapper(const std::string& folder, const std::string& script);

std::string random_bytes(Guest& guest);

} // namespace gm::test
