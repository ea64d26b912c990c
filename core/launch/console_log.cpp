// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/launch/console_log.hpp"

namespace gm::launch {

void ConsoleLog::append(std::string_view bytes)
{
    kept_.with([&](std::string& kept) {
        for (const char c : bytes) {
            const auto code = static_cast<unsigned char>(c);
            if (c == '\n' || c == '\t' || (code >= 0x20 && code != 0x7f)) {
                kept += c;
            }
        }
        if (kept.size() > limit_) {
            const auto line_end = kept.find('\n', kept.size() - limit_);
            kept.erase(0, line_end == std::string::npos ? kept.size() - limit_ : line_end + 1);
        }
    });
}

std::string ConsoleLog::text() const
{
    return kept_.with([](const std::string& kept) { return kept; });
}

std::string ConsoleLog::last_line() const
{
    return kept_.with([](const std::string& kept) {
        const auto end = kept.find_last_not_of("\n\t ");
        if (end == std::string::npos) {
            return std::string{};
        }
        const auto before = kept.find_last_of('\n', end);
        return kept.substr(before == std::string::npos ? 0 : before + 1, end - (before + 1) + 1);
    });
}

} // namespace gm::launch
