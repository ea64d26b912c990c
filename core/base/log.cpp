// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/base/log.hpp"

#include <unistd.h>

namespace gm {
namespace {

void to_standard_error(LogLevel, std::string_view line)
{
    const std::string whole = fmt::format("{}\n", line);
    [[maybe_unused]] const auto ignored = ::write(STDERR_FILENO, whole.data(), whole.size());
}

LogSink g_sink = to_standard_error;
LogLevel g_lowest = LogLevel::warning;

} // namespace

void set_log_sink(LogSink sink, LogLevel lowest)
{
    g_sink = sink != nullptr ? sink : to_standard_error;
    g_lowest = lowest;
}

bool log_enabled(LogLevel level)
{
    return level >= g_lowest;
}

void log_line(LogLevel level, std::string_view line)
{
    if (log_enabled(level)) {
        g_sink(level, line);
    }
}

} // namespace gm
