// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/run_tool.hpp"

#include "core/base/log.hpp"
#include "core/base/subprocess.hpp"

namespace gm::daemon {
namespace {

std::string last_line(std::string_view text)
{
    while (text.ends_with('\n')) {
        text.remove_suffix(1);
    }
    const auto at = text.rfind('\n');
    return std::string{at == std::string_view::npos ? text : text.substr(at + 1)};
}

Result<CapturedRun> run_well(std::vector<std::string> argv, Millis timeout, std::string_view input)
{
    const std::string name = argv.front();
    CapturedRun run = GM_TRY(run_captured(std::move(argv), timeout, input));
    if (!run.status.success()) {
        log_debug("{}: {}: {}", name, run.status.text(), run.error_output);
        const std::string reason = last_line(run.error_output);
        return make_error(EIO, "{}: {}", name, reason.empty() ? run.status.text() : reason);
    }
    return run;
}

} // namespace

Result<std::string> run_tool(std::vector<std::string> argv, Millis timeout, std::string_view input)
{
    CapturedRun run = GM_TRY(run_well(std::move(argv), timeout, input));
    return std::move(run.output);
}

Result<std::string> run_tool_for_messages(std::vector<std::string> argv, Millis timeout)
{
    CapturedRun run = GM_TRY(run_well(std::move(argv), timeout, {}));
    return std::move(run.error_output);
}

} // namespace gm::daemon
