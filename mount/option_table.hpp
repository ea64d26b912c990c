// SPDX-License-Identifier: GPL-2.0-or-later
//
// getopt_long(3) from a table that also makes the help text, so that an option is spelled once. getopt rather than a
// parser library, because scripts rely on its ways: unique abbreviations, optional values behind '=' only, options
// after the mountpoint, and the order in which options come.
#pragma once

#include "core/base/error.hpp"

#include <functional>
#include <span>
#include <string>
#include <vector>

namespace gm::mount {

enum class Takes { nothing, value, optional_value };

struct OptionRow {
    const char* name;
    char letter; // 0: no short form
    Takes takes;
    const char* value_name; // for the help text
    const char* help;
    std::function<Result<void>(const char* value)> apply; // value: null when there is none
};

// Applies the options in their order and returns the other arguments. arguments[0] is the program's name.
Result<std::vector<std::string>> apply_options(std::span<const OptionRow> table, std::vector<std::string> arguments);

std::string options_help(std::span<const OptionRow> table);
std::string long_options_text(std::span<const OptionRow> table);
std::string short_options_text(std::span<const OptionRow> table);

Result<int> parse_descriptor(const char* option, const char* value);

} // namespace gm::mount
