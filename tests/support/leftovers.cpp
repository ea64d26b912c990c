// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/support/leftovers.hpp"

#include "core/base/syscall.hpp"
#include "tests/support/program.hpp"

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <sstream>
#include <sys/mount.h>
#include <unistd.h>

namespace gm::test {
namespace {

std::string our_tmpdir()
{
    const char* tmpdir = std::getenv("TMPDIR");
    return tmpdir == nullptr ? "" : tmpdir;
}

std::string proc_file(pid_t pid, const char* leaf)
{
    auto content = read_file(fmt::format("/proc/{}/{}", pid, leaf));
    return content.ok() ? content.take_value() : "";
}

bool is_zombie(pid_t pid)
{
    const std::string status = proc_file(pid, "stat");
    const auto after_name = status.rfind(") ");
    return after_name == std::string::npos || status[after_name + 2] == 'Z' || status[after_name + 2] == 'X';
}

} // namespace

std::vector<Process> our_processes(const std::string& name_prefix)
{
    std::vector<Process> found;
    const std::string wanted = "TMPDIR=" + our_tmpdir();
    std::error_code ignored;
    for (const auto& entry : std::filesystem::directory_iterator("/proc", ignored)) {
        const pid_t pid = std::atoi(entry.path().filename().c_str());
        if (pid <= 0 || pid == ::getpid()) {
            continue;
        }
        const std::string environment = proc_file(pid, "environ");
        // A subfolder of ours counts too: a test may give a program its own.
        const auto at = environment.find(wanted);
        if (at == std::string::npos || is_zombie(pid)) {
            continue;
        }
        Process process{pid, proc_file(pid, "comm"), proc_file(pid, "cmdline")};
        process.name.erase(process.name.find_last_not_of('\n') + 1);
        std::replace(process.command_line.begin(), process.command_line.end(), '\0', ' ');
        if (process.name.starts_with(name_prefix)) {
            found.push_back(std::move(process));
        }
    }
    return found;
}

std::vector<std::string> our_mounts()
{
    std::vector<std::string> found;
    const std::string wanted = our_tmpdir() + "/";
    auto table = read_file("/proc/self/mounts", 16 << 20);
    for (const std::string& line : lines(table.ok() ? *table : "")) {
        std::istringstream words(line);
        std::string source;
        std::string target;
        words >> source >> target;
        if (target.starts_with(wanted)) {
            found.push_back(target);
        }
    }
    return found;
}

std::vector<std::string> leftovers()
{
    std::vector<std::string> found;
    for (const auto& process : our_processes()) {
        found.push_back(fmt::format("process {} ({}): {:.200}", process.pid, process.name, process.command_line));
    }
    for (const auto& mount : our_mounts()) {
        found.push_back("mount: " + mount);
    }
    return found;
}

void remove_leftovers()
{
    for (const auto& process : our_processes()) {
        ::kill(process.pid, SIGKILL);
    }
    auto mounts = our_mounts();
    std::reverse(mounts.begin(), mounts.end());
    for (const auto& mount : mounts) {
        if (::umount2(mount.c_str(), MNT_DETACH) == -1) {
            run({"fusermount3", "-u", "-z", mount}, Millis{10'000});
        }
    }
}

} // namespace gm::test
