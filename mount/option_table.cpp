// SPDX-License-Identifier: GPL-2.0-or-later
#include "mount/option_table.hpp"

#include "core/base/secret.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <fcntl.h>
#include <getopt.h>

namespace gm::mount {
namespace {

constexpr int kFirstRow = 0x100; // getopt's value of the first row, above all letters

int kind_of(Takes takes)
{
    return takes == Takes::nothing ? no_argument : takes == Takes::value ? required_argument : optional_argument;
}

// What getopt refused, as a sentence.
Error complaint(int refused, const std::vector<std::string>& arguments)
{
    const bool lacks_value = refused == ':';
    const auto position = static_cast<std::size_t>(std::max(optind - 1, 1));
    std::string shown = arguments[std::min(position, arguments.size() - 1)];
    if (!shown.starts_with("--") && optopt > 0 && optopt < kFirstRow) {
        shown = fmt::format("-{}", static_cast<char>(optopt));
    }
    if (lacks_value) {
        return make_error(EINVAL, "option '{}' needs a value; try --help", shown);
    }
    if (optopt >= kFirstRow) {
        return make_error(EINVAL, "option '{}' takes no value", shown.substr(0, shown.find('=')));
    }
    return make_error(EINVAL, "unknown or ambiguous option '{}'; try --help", shown);
}

} // namespace

Result<std::vector<std::string>> apply_options(std::span<const OptionRow> table, std::vector<std::string> arguments)
{
    std::vector<option> long_options;
    std::string short_options = ":"; // tell a missing value from an unknown option
    for (std::size_t i = 0; i < table.size(); ++i) {
        const auto& row = table[i];
        long_options.push_back({row.name, kind_of(row.takes), nullptr, kFirstRow + static_cast<int>(i)});
        if (row.letter != 0) {
            short_options += row.letter;
            short_options += row.takes == Takes::value ? ":" : "";
        }
    }
    long_options.push_back({});

    std::vector<char*> argv;
    for (auto& argument : arguments) {
        argv.push_back(argument.data());
    }
    argv.push_back(nullptr);
    const int argc = static_cast<int>(arguments.size());

    ::optind = 0; // begin anew, whoever used it before
    ::opterr = 0;
    while (true) {
        const int found = ::getopt_long(argc, argv.data(), short_options.c_str(), long_options.data(), nullptr);
        if (found == -1) {
            break;
        }
        const auto row = std::find_if(table.begin(), table.end(), [&](const OptionRow& r) {
            return found >= kFirstRow ? &r == &table[static_cast<std::size_t>(found - kFirstRow)]
                                      : r.letter == static_cast<char>(found);
        });
        if (found == '?' || found == ':' || row == table.end()) {
            if (found == '?' && std::strcmp(argv[static_cast<std::size_t>(std::max(optind - 1, 0))], "-?") == 0) {
                return make_error(EINVAL, "unknown option '-?'; try --help");
            }
            return complaint(found, arguments);
        }
        GM_TRY(row->apply(::optarg));
    }
    std::vector<std::string> others;
    for (int i = ::optind; i < argc; ++i) {
        others.emplace_back(argv[static_cast<std::size_t>(i)]);
    }
    for (auto& argument : arguments) {
        wipe(argument); // one may be a key
    }
    return others;
}

std::string options_help(std::span<const OptionRow> table)
{
    constexpr std::size_t kColumn = 30;
    std::string text;
    for (const auto& row : table) {
        std::string line =
            row.letter != 0 ? fmt::format("  -{}, --{}", row.letter, row.name) : fmt::format("      --{}", row.name);
        if (row.takes == Takes::value) {
            line += fmt::format(" {}", row.value_name);
        } else if (row.takes == Takes::optional_value) {
            line += fmt::format("[={}]", row.value_name);
        }
        line += line.size() + 2 > kColumn ? "\n" + std::string(kColumn, ' ') : std::string(kColumn - line.size(), ' ');
        text += line + row.help + "\n";
    }
    return text;
}

std::string long_options_text(std::span<const OptionRow> table)
{
    std::string text;
    for (const auto& row : table) {
        text += fmt::format("--{}\n", row.name);
    }
    return text;
}

std::string short_options_text(std::span<const OptionRow> table)
{
    std::string text;
    for (const auto& row : table) {
        if (row.letter != 0) {
            text += fmt::format("-{}\n", row.letter);
        }
    }
    return text;
}

Result<int> parse_descriptor(const char* option, const char* value)
{
    int number = -1;
    const char* end = value + std::strlen(value);
    const auto [stop, error] = std::from_chars(value, end, number);
    if (error != std::errc{} || stop != end || number < 0) {
        return make_error(EINVAL, "{}: '{}' is not the number of a file descriptor", option, value);
    }
    if (::fcntl(number, F_GETFD) == -1) {
        return make_error(EBADF, "{}: descriptor {} is not open", option, number);
    }
    return number;
}

} // namespace gm::mount
