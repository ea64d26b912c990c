// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Windows: what its registry says of product, name and drive letters.
#include "core/base/log.hpp"
#include "daemon/inspect/candidate.hpp"
#include "daemon/inspect/registry.hpp"
#include "daemon/inspect/text.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace gm::daemon {
namespace {

constexpr unsigned kFirstBuildOf11 = 22000; // its ProductName still says 10

std::uint64_t little_endian(std::string_view bytes)
{
    std::uint64_t value = 0;
    for (std::size_t i = std::min<std::size_t>(bytes.size(), 8); i-- > 0;) {
        value = value << 8U | static_cast<unsigned char>(bytes[i]);
    }
    return value;
}

RegistryValues values_of(const std::string& hive, std::string_view key)
{
    auto values = read_registry_key(hive, key);
    if (!values.ok()) {
        log_debug("{}", values.error().text);
        return {};
    }
    return values.take_value();
}

std::string text_of(const RegistryValues& values, std::string_view name)
{
    const auto found = values.find(name);
    return found == values.end() ? "" : found->second.text.substr(0, GuestTree::kMostLine);
}

std::optional<std::uint64_t> number_of(const RegistryValues& values, std::string_view name)
{
    const auto found = values.find(name);
    return found == values.end() || found->second.bytes.size() != 4 ? std::nullopt
                                                                    : std::optional{little_endian(found->second.bytes)};
}

void describe(rpc::OperatingSystem& system, const RegistryValues& version)
{
    system.product = text_of(version, "ProductName");
    if (system.product.empty()) {
        system.product = "Windows";
    }
    const auto build = text_of(version, "CurrentBuild");
    const std::string ten = "Windows 10";
    if (system.product.starts_with(ten) && build.size() == 5 && build >= std::to_string(kFirstBuildOf11)) {
        system.product.replace(0, ten.size(), "Windows 11");
    }
    const auto major = number_of(version, "CurrentMajorVersionNumber");
    const auto minor = number_of(version, "CurrentMinorVersionNumber");
    system.version = major && minor ? fmt::format("{}.{}", *major, *minor) : text_of(version, "CurrentVersion");
    if (!build.empty()) {
        system.version += "." + build;
    }
}

// 16 bytes as Windows keeps a GUID: three numbers in little-endian order, then bytes.
std::string guid_text(std::string_view bytes)
{
    const auto number = [&](std::size_t at, std::size_t size) { return little_endian(bytes.substr(at, size)); };
    std::string text = fmt::format("{:08x}-{:04x}-{:04x}-", number(0, 4), number(4, 2), number(6, 2));
    for (std::size_t i = 8; i < 16; ++i) {
        text += fmt::format("{}{:02x}", i == 10 ? "-" : "", static_cast<unsigned char>(bytes[i]));
    }
    return text;
}

// The partition that a value of MountedDevices means: the number of an MBR disk with the partition's first byte, or the
// partition's GUID.
std::optional<std::string> mounted_device(std::string_view bytes, const Surroundings& around)
{
    constexpr std::string_view kGpt = "DMIO:ID:";
    const bool gpt = bytes.starts_with(kGpt) && bytes.size() == kGpt.size() + 16;
    const std::string guid = gpt ? guid_text(bytes.substr(kGpt.size())) : "";
    const bool mbr = bytes.size() == 12;
    const std::string id = mbr ? fmt::format("{:08x}", little_endian(bytes.substr(0, 4))) : "";
    const auto start = mbr ? little_endian(bytes.substr(4)) : 0;
    for (const auto& [drive, table] : around.tables) {
        for (const auto& partition : table.partitions) {
            if ((gpt && partition.uuid == guid) || (mbr && table.id == id && partition.start == start)) {
                return to_text({.drive = drive, .partition = partition.number});
            }
        }
    }
    return std::nullopt;
}

std::vector<rpc::DriveLetter> drive_letters(const RegistryValues& mounted, const Surroundings& around)
{
    constexpr std::string_view prefix = "\\DosDevices\\";
    std::vector<rpc::DriveLetter> letters;
    for (const auto& [name, value] : mounted) {
        const bool is_letter = name.size() == prefix.size() + 2 && name.starts_with(prefix) && name.back() == ':';
        rpc::DriveLetter letter{.letter = is_letter ? name.substr(prefix.size(), 1) : "", .device = {}};
        const auto device = letter.valid() ? mounted_device(value.bytes, around) : std::nullopt;
        if (device) {
            letter.device = *device;
            letters.push_back(std::move(letter));
        }
    }
    return letters;
}

} // namespace

std::optional<rpc::OperatingSystem> windows_system(const Candidate& candidate, const Surroundings& around)
{
    std::optional<std::string> software;
    std::optional<std::string> hive;
    for (const char* root : {"Windows", "WINNT"}) {
        const std::string folder = fmt::format("{}/System32/config/", root);
        software = candidate.tree.find_ignoring_case(folder + "SOFTWARE");
        hive = candidate.tree.find_ignoring_case(folder + "SYSTEM");
        if (software && hive) {
            break;
        }
    }
    if (!software || !hive) {
        return std::nullopt;
    }
    rpc::OperatingSystem system{};
    system.root = candidate.device;
    system.family = "windows";
    system.distribution = "windows";
    system.mounts.push_back({.device = candidate.device, .mountpoint = "/", .options = {}});
    describe(system, values_of(*software, "\\Microsoft\\Windows NT\\CurrentVersion"));
    const auto current = number_of(values_of(*hive, "\\Select"), "Current").value_or(1);
    system.hostname = text_of(
        values_of(*hive, fmt::format("\\ControlSet{:03}\\Services\\Tcpip\\Parameters", current % 1000)), "Hostname");
    system.letters = drive_letters(values_of(*hive, "\\MountedDevices"), around);
    return system;
}

} // namespace gm::daemon
