// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Lines and words of configuration files. Views into the text; pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace gm::daemon {

std::string_view trim(std::string_view text);

// Every piece between the separators, empty ones too.
std::vector<std::string_view> split(std::string_view text, char separator);

// What blanks and tabs separate.
std::vector<std::string_view> words(std::string_view line);

// The lines with something in them that do not begin with '#', trimmed.
std::vector<std::string_view> content_lines(std::string_view text);

// The value of a line NAME=VALUE as a shell reads it: quotes and backslashes go, nothing is expanded.
std::string unquoted(std::string_view value);

} // namespace gm::daemon
