// SPDX-License-Identifier: GPL-2.0-or-later
//
// What a guest says, made fit for a terminal: control characters could make it do what the disk wants.
#pragma once

#include <string>
#include <string_view>

namespace gm::mount {

// Valid UTF-8 without control characters.
std::string printable(std::string_view text);

} // namespace gm::mount
