// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/inspect/text.hpp"

namespace gm::daemon {
namespace {

constexpr std::string_view kBlank = " \t\r\n\f\v";
} // namespace

std::string_view trim(std::string_view text)
{
    const auto begin = text.find_first_not_of(kBlank);
    if (begin == std::string_view::npos) {
        return {};
    }
    return text.substr(begin, text.find_last_not_of(kBlank) - begin + 1);
}

std::vector<std::string_view> split(std::string_view text, char separator)
{
    std::vector<std::string_view> pieces;
    for (;;) {
        const auto at = text.find(separator);
        pieces.push_back(text.substr(0, at));
        if (at == std::string_view::npos) {
            return pieces;
        }
        text.remove_prefix(at + 1);
    }
}

std::vector<std::string_view> words(std::string_view line)
{
    std::vector<std::string_view> found;
    for (auto begin = line.find_first_not_of(kBlank); begin != std::string_view::npos;) {
        const auto end = line.find_first_of(kBlank, begin);
        found.push_back(line.substr(begin, end == std::string_view::npos ? end : end - begin));
        begin = line.find_first_not_of(kBlank, end);
    }
    return found;
}

std::vector<std::string_view> content_lines(std::string_view text)
{
    std::vector<std::string_view> found;
    for (const auto line : split(text, '\n')) {
        const auto trimmed = trim(line);
        if (!trimmed.empty() && trimmed.front() != '#') {
            found.push_back(trimmed);
        }
    }
    return found;
}

std::string unquoted(std::string_view value)
{
    std::string text;
    char quote = 0;
    value = trim(value);
    for (std::size_t i = 0; i < value.size(); ++i) {
        const char c = value[i];
        if (quote == 0 && (c == '"' || c == '\'')) {
            quote = c;
        } else if (c == quote && quote != 0) {
            quote = 0;
        } else if (c == '\\' && quote != '\'' && i + 1 < value.size()) {
            text += value[++i];
        } else {
            text += c;
        }
    }
    return text;
}

} // namespace gm::daemon
