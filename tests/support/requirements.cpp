// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/support/requirements.hpp"

#include "core/base/clock.hpp"
#include "core/base/subprocess.hpp"
#include "core/base/syscall.hpp"

#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <string_view>
#include <unistd.h>

namespace gm::test {
namespace {

bool is_required(std::string_view name)
{
    const char* list = std::getenv("GM_TESTS_REQUIRE");
    std::string_view rest = list == nullptr ? "" : list;
    while (!rest.empty()) {
        const auto comma = rest.find(',');
        if (rest.substr(0, comma) == name) {
            return true;
        }
        rest.remove_prefix(comma == std::string_view::npos ? rest.size() : comma + 1);
    }
    return false;
}

[[noreturn]] void missing(std::string_view requirement, const std::string& reason)
{
    const bool failure = is_required(requirement);
    fmt::print(stderr, "{}: {}\n", failure ? "required, but missing" : "skipped", reason);
    std::fflush(nullptr);
    // Not std::exit: doctest's statics are in the middle of a test. TMPDIR is still empty, so nothing else is lost.
    if (const char* tmpdir = std::getenv("TMPDIR"); tmpdir != nullptr) {
        ::rmdir(tmpdir);
    }
    std::_Exit(failure ? 1 : 77);
}

void require_program(std::string_view requirement, const char* program, const char* option)
{
    auto run = run_captured({program, option}, Millis{20'000});
    if (!run.ok()) {
        missing(requirement, run.error().text);
    }
    if (!run->status.success()) {
        missing(requirement, fmt::format("{} {}: {}", program, option, run->status.text()));
    }
}

bool a_kernel_is_readable()
{
    if (std::getenv("SUPERMIN_KERNEL") != nullptr) {
        return true;
    }
    std::error_code ignored;
    for (const auto& entry : std::filesystem::directory_iterator("/boot", ignored)) {
        if (entry.path().filename().string().starts_with("vmlinuz-") && ::access(entry.path().c_str(), R_OK) == 0) {
            return true;
        }
    }
    return false;
}

} // namespace

void require_fuse()
{
    if (auto device = open_file("/dev/fuse", O_RDWR); !device.ok()) {
        missing("fuse", device.error().text);
    }
    if (::geteuid() != 0) {
        require_program("fuse", "fusermount3", "--version");
    }
}

void require_vm()
{
    require_program("vm", "qemu-system-x86_64", "--version");
    require_program("vm", "supermin", "--version");
    if (!a_kernel_is_readable()) {
        missing("vm", "no readable /boot/vmlinuz-*, and SUPERMIN_KERNEL is not set");
    }
}

void require_root()
{
    if (::geteuid() != 0) {
        missing(is_required("root") ? "root" : "vm", "this test compares with a loop mount and must run as root");
    }
}

void require_workload(const char* program, const char* option)
{
    require_program("vm", program, option);
}

} // namespace gm::test
