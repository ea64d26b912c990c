// SPDX-License-Identifier: GPL-2.0-or-later
#include "mount/log_output.hpp"

#include "core/base/log.hpp"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

namespace gm::mount {
namespace {

spdlog::level::level_enum level_of(LogLevel level)
{
    switch (level) {
    case LogLevel::trace:
        return spdlog::level::trace;
    case LogLevel::debug:
        return spdlog::level::debug;
    case LogLevel::info:
        return spdlog::level::info;
    case LogLevel::warning:
        return spdlog::level::warn;
    case LogLevel::error:
        return spdlog::level::err;
    }
    return spdlog::level::err;
}

} // namespace

void log_to_standard_error(bool verbose, bool trace)
{
    const auto lowest = trace ? LogLevel::trace : verbose ? LogLevel::debug : LogLevel::warning;
    const auto logger = spdlog::stderr_logger_mt("guestmount");
    logger->set_level(level_of(lowest));
    logger->set_pattern(verbose || trace ? "guestmount: %H:%M:%S.%e %v" : "guestmount: %v");
    spdlog::set_default_logger(logger);
    set_log_sink([](LogLevel level, std::string_view line) { spdlog::log(level_of(level), line); }, lowest);
}

} // namespace gm::mount
