// SPDX-License-Identifier: GPL-2.0-or-later
#include "mount/domain/domain.hpp"

#include "core/base/clock.hpp"
#include "core/base/subprocess.hpp"
#include "core/guest/drive_uri.hpp"

#include <filesystem>
#include <nlohmann/json.hpp>

namespace gm::mount {
namespace {

using Json = nlohmann::json;

constexpr Millis kLimit{30'000};
constexpr const char* kProgram = "guestmount-domain-disks";

// Beside this program in the build tree, in lib/guestmount of an installation.
Result<std::string> program()
{
    std::error_code failure;
    const auto ours = std::filesystem::read_symlink("/proc/self/exe", failure).parent_path();
    for (const auto& path : {ours / kProgram, ours.parent_path() / "lib/guestmount" / kProgram}) {
        if (std::filesystem::exists(path, failure)) {
            return path.string();
        }
    }
    return make_error(ENOENT, "-d: '{}' is not installed", kProgram);
}

} // namespace

Result<std::vector<Drive>> domain_drives(const std::string& name, const std::optional<std::string>& connection,
                                         bool read_only)
{
    std::vector<std::string> argv{GM_TRY(program())};
    if (connection) {
        argv.push_back(*connection);
    }
    argv.push_back(name);
    auto run = run_captured(std::move(argv), kLimit);
    if (!run) {
        return with_context(run.take_error(), fmt::format("-d {}: libvirt", name));
    }
    if (!run->status.success()) {
        const auto& said = run->error_output;
        return make_error(EIO, "-d {}: {}", name, said.substr(0, said.find('\n')));
    }
    const Json told = Json::parse(run->output, nullptr, false);
    std::vector<Drive> drives;
    try {
        if (told.at("running").get<bool>() && !read_only) {
            return make_error(EBUSY, "-d {}: the domain is running: only --ro is safe", name);
        }
        for (const auto& disk : told.at("disks")) {
            drives.push_back({.source = disk.at("source"), .format = disk.at("format"), .read_only = read_only});
            if (disk.at("read_only").get<bool>() && !read_only) {
                return make_error(EROFS, "-d {}: the domain only reads '{}': use --ro", name,
                                  without_password(drives.back().source));
            }
        }
    } catch (const Json::exception&) {
        return make_error(EIO, "-d {}: {} gave no sensible answer", name, kProgram);
    }
    if (drives.empty()) {
        return make_error(ENOENT, "-d {}: the domain has no disks", name);
    }
    return drives;
}

} // namespace gm::mount
