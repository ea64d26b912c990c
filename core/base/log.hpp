// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The one way to write a diagnostic line. Where lines go is the program's choice (set_log_sink in main): the host
// programs hand them to spdlog, the daemon writes them to the console. Base, rpc and core log at debug level only;
// whoever handles an error logs it once. Any thread may log.
#pragma once

#include <fmt/format.h>
#include <string_view>

namespace gm {

enum class LogLevel { trace, debug, info, warning, error };

using LogSink = void (*)(LogLevel, std::string_view line);

// Until a sink is set, warnings and errors go to standard error and the rest nowhere. Call before threads start.
void set_log_sink(LogSink sink, LogLevel lowest);

[[nodiscard]] bool log_enabled(LogLevel level);
void log_line(LogLevel level, std::string_view line);

template <typename... T>
void log(LogLevel level, fmt::format_string<T...> format, T&&... values)
{
    if (log_enabled(level)) {
        log_line(level, fmt::format(format, std::forward<T>(values)...));
    }
}

template <typename... T>
void log_debug(fmt::format_string<T...> format, T&&... values)
{
    log(LogLevel::debug, format, std::forward<T>(values)...);
}

template <typename... T>
void log_warning(fmt::format_string<T...> format, T&&... values)
{
    log(LogLevel::warning, format, std::forward<T>(values)...);
}

} // namespace gm
