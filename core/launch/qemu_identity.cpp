// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/launch/qemu_identity.hpp"

#include <cstdlib>
#include <sys/stat.h>
#include <unistd.h>

namespace gm::launch {
namespace {

// As execvp(3) looks it up.
std::string in_path(const std::string& program)
{
    if (program.find('/') != std::string::npos) {
        return program;
    }
    const char* variable = std::getenv("PATH");
    std::string_view rest = variable == nullptr ? "/usr/local/bin:/usr/bin:/bin" : variable;
    while (!rest.empty()) {
        const auto end = rest.find(':');
        const auto folder = rest.substr(0, end);
        auto candidate = fmt::format("{}/{}", folder.empty() ? "." : folder, program);
        if (::access(candidate.c_str(), X_OK) == 0) {
            return candidate;
        }
        rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
    }
    return {};
}

} // namespace

Result<QemuIdentity> QemuIdentity::of(const std::string& program)
{
    QemuIdentity identity{.path = in_path(program)};
    struct stat info {};
    if (identity.path.empty() || ::stat(identity.path.c_str(), &info) == -1 ||
        ::access(identity.path.c_str(), X_OK) == -1) {
        return make_error(ENOENT, "no qemu: '{}' cannot be run; install qemu-system-x86 or name it by LIBGUESTFS_HV",
                          program);
    }
    identity.size = static_cast<std::uint64_t>(info.st_size);
    identity.mtime_ns = info.st_mtim.tv_sec * 1'000'000'000LL + info.st_mtim.tv_nsec;
    return identity;
}

std::string QemuIdentity::text() const
{
    return fmt::format("{} {} {}", path, size, mtime_ns);
}

std::string short_hash(std::string_view text)
{
    std::uint64_t value = 0xcbf29ce484222325U;
    for (const char c : text) {
        value = (value ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
    }
    return fmt::format("{:016x}", value);
}

} // namespace gm::launch
