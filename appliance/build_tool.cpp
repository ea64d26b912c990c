// SPDX-License-Identifier: LGPL-2.1-or-later
#include "appliance/build_tool.hpp"

#include "core/base/syscall.hpp"

#include <csignal>
#include <fcntl.h>
#include <sstream>

namespace gm::appliance {
namespace {

constexpr Millis kTick{100};
constexpr std::size_t kLogLimit = 1 << 22;

// The PATH of an ordinary user often lacks the folders of depmod and its like.
std::string find_program(const std::string& name)
{
    if (name.find('/') != std::string::npos) {
        return name;
    }
    const char* path = std::getenv("PATH");
    std::istringstream folders{fmt::format("{}:/usr/sbin:/sbin", path == nullptr ? "/usr/bin:/bin" : path)};
    for (std::string folder; std::getline(folders, folder, ':');) {
        std::string candidate = folder + '/' + name;
        if (::access(candidate.c_str(), X_OK) == 0) {
            return candidate;
        }
    }
    return name;
}

std::string last_line(const std::string& text)
{
    std::istringstream lines{text};
    std::string last;
    for (std::string line; std::getline(lines, line);) {
        if (line.find_first_not_of(" \t\r") != std::string::npos) {
            last = line;
        }
    }
    return last;
}

} // namespace

Result<BuildTool> BuildTool::start(const Plan& plan)
{
    const std::string& name = plan.argv.front();
    const std::string log_path = plan.scratch_folder + "/messages-" + name.substr(name.rfind('/') + 1);
    const UniqueFd log = GM_TRY(open_file(log_path, O_WRONLY | O_CREAT | O_TRUNC, 0600));
    Command command;
    command.argv = plan.argv;
    command.argv.front() = find_program(name);
    command.extra_environment = {"TMPDIR=" + plan.scratch_folder, "LC_ALL=C"};
    command.standard_input = plan.standard_input;
    command.standard_output = plan.standard_output ? plan.standard_output : log.get();
    command.standard_error = log.get();
    auto process = Subprocess::start(command);
    if (!process.ok()) {
        if (process.error().errno_value == ENOENT) {
            return make_error(ENOENT, "'{}' is not installed (package {}), but the appliance is built with it", name,
                              plan.package);
        }
        return process.take_error();
    }
    return BuildTool{name, log_path, std::move(process).take_value()};
}

Result<void> BuildTool::finish(const std::function<void()>& tick, Deadline deadline)
{
    std::optional<ExitStatus> ended;
    while (!(ended = process_.wait(std::min(kTick, deadline.left())))) {
        if (deadline.passed()) {
            ::kill(-process_.pid(), SIGKILL); // it leads a process group of its own
            return make_error(ETIMEDOUT, "'{}' did not end in time", name_);
        }
        tick();
    }
    if (ended->success()) {
        return {};
    }
    const auto log = read_file(log_path_, kLogLimit);
    const std::string text = log.ok() ? log.value() : std::string{};
    if (text.find("No space left on device") != std::string::npos) {
        return make_error(ENOSPC, "'{}': no space left", name_);
    }
    return make_error(EIO, "'{}' failed ({}): {}", name_, ended->text(), last_line(text));
}

} // namespace gm::appliance
