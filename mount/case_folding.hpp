// SPDX-License-Identifier: GPL-2.0-or-later
//
// Names that differ in case only have one folded form. Pure; any thread.
#pragma once

#include <string>
#include <string_view>

namespace gm::mount {

// The name in lower case, letter by letter as Unicode's simple mapping has it. Bytes that are no UTF-8 stay as they
// are.
std::string case_folded(std::string_view name);

} // namespace gm::mount
