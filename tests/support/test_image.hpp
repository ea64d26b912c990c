// SPDX-License-Identifier: GPL-2.0-or-later
//
// Disk images made by the recipes of tests/images, once, and kept in the build tree for as long as no recipe changes.
#pragma once

#include "tests/support/scratch.hpp"

#include <string>

namespace gm::test {

// The image of the recipe NAME.sh; never to be written. Made now when it is not there (needs root, takes seconds). What
// else the recipe makes lies beside it: image.tar, image.SUFFIX.
std::string image(const std::string& recipe);

// The folder of the recipes; what they share is in common.sh there.
std::string recipe_folder();

// A copy of it in `folder` that may be changed. Holes stay holes.
std::string image_copy(const std::string& recipe, const Scratch& folder, std::string_view leaf = "disk.img");

// Lower-case hexadecimal SHA-256 of a file's content.
std::string sha256(const std::string& path);

} // namespace gm::test
