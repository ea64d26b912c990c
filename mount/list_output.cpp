// SPDX-License-Identifier: GPL-2.0-or-later
#include "mount/list_output.hpp"

#include "mount/printable.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <map>
#include <nlohmann/json.hpp>

namespace gm::mount {
namespace {

const char* text_of(rpc::BlockKind kind)
{
    switch (kind) {
    case rpc::BlockKind::disk:
        return "disk";
    case rpc::BlockKind::partition:
        return "partition";
    case rpc::BlockKind::logical_volume:
        return "logical volume";
    case rpc::BlockKind::raid:
        return "raid";
    case rpc::BlockKind::crypt:
        return "opened";
    case rpc::BlockKind::other:
        break;
    }
    return "other";
}

// By device. What is not recognised is left out.
std::map<std::string, const rpc::FilesystemInfo*> by_device(const std::vector<rpc::FilesystemInfo>& contents)
{
    std::map<std::string, const rpc::FilesystemInfo*> found;
    for (const auto& content : contents) {
        if (content.type != "unknown") {
            found.emplace(content.device, &content);
        }
    }
    return found;
}

std::vector<const rpc::FilesystemInfo*> subvolumes_of(const std::string& device,
                                                      const std::vector<rpc::FilesystemInfo>& contents)
{
    std::vector<const rpc::FilesystemInfo*> found;
    for (const auto& content : contents) {
        if (content.device.starts_with("btrfsvol:" + device + "/")) {
            found.push_back(&content);
        }
    }
    return found;
}

// Characters, not bytes.
std::size_t width(std::string_view text)
{
    return static_cast<std::size_t>(
        std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

// Columns as wide as they must be; those from `first_number` on are aligned to the right.
std::string as_table(const std::vector<std::vector<std::string>>& rows, std::size_t first_number)
{
    std::vector<std::size_t> widths(rows.front().size());
    for (const auto& row : rows) {
        for (std::size_t i = 0; i < row.size(); ++i) {
            widths[i] = std::max(widths[i], width(row[i]));
        }
    }
    std::string text;
    for (const auto& row : rows) {
        std::string line;
        for (std::size_t i = 0; i < row.size(); ++i) {
            const std::string space(widths[i] - width(row[i]), ' ');
            line += (i == 0 ? "" : "  ") + (i < first_number ? row[i] + space : space + row[i]);
        }
        line.erase(line.find_last_not_of(' ') + 1);
        text += line + "\n";
    }
    return text;
}

std::string or_none(const std::string& text)
{
    return text.empty() ? "-" : printable(text);
}

nlohmann::ordered_json to_json(const rpc::OperatingSystem& system)
{
    using Json = nlohmann::ordered_json;
    Json row{{"root", system.root}, {"family", system.family}};
    const std::pair<const char*, const std::string*> texts[] = {{"distribution", &system.distribution},
                                                                {"product", &system.product},
                                                                {"version", &system.version},
                                                                {"hostname", &system.hostname}};
    for (const auto& [name, value] : texts) {
        if (!value->empty()) {
            row[name] = *value;
        }
    }
    row["mounts"] = Json::array();
    for (const auto& mount : system.mounts) {
        Json one{{"device", mount.device}, {"mountpoint", mount.mountpoint}};
        if (!mount.options.empty()) {
            one["options"] = mount.options;
        }
        row["mounts"].push_back(std::move(one));
    }
    for (const auto& letter : system.letters) {
        row["drive_letters"][letter.letter] = letter.device;
    }
    if (!system.problems.empty()) {
        row["problems"] = system.problems;
    }
    return row;
}

} // namespace

std::string size_text(std::uint64_t bytes)
{
    constexpr std::array units{"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    if (bytes < 1024) {
        return fmt::format("{} B", bytes);
    }
    auto value = static_cast<double>(bytes) / 1024;
    std::size_t unit = 0;
    for (; value >= 1024 && unit + 1 < units.size(); ++unit) {
        value /= 1024;
    }
    return fmt::format("{:.1f} {}", value, units[unit]);
}

std::string list_as_table(const DiskList& list)
{
    std::vector<std::vector<std::string>> rows{{"DEVICE", "KIND", "TYPE", "LABEL", "UUID", "SIZE", "USED"}};
    const auto contents = by_device(list.contents);
    for (const auto& device : list.devices) {
        std::vector<std::string> row{
            printable(device.name), text_of(device.kind), "-", "-", "-", size_text(device.size), "-"};
        if (const auto found = contents.find(device.name); found != contents.end()) {
            const auto& content = *found->second;
            row[2] = or_none(content.type);
            row[3] = or_none(content.label);
            row[4] = or_none(content.uuid);
            row[6] = content.used ? size_text(*content.used) : "-";
        }
        rows.push_back(std::move(row));
        for (const auto* subvolume : subvolumes_of(device.name, list.contents)) {
            rows.push_back({printable(subvolume->device), "subvolume", printable(subvolume->type), "-", "-", "-", "-"});
        }
    }
    std::string text = as_table(rows, 5);
    if (!list.systems.empty()) {
        std::vector<std::vector<std::string>> systems{{"ROOT", "OPERATING SYSTEM", "HOSTNAME", "MOUNTS"}};
        for (const auto& system : list.systems) {
            std::string mounts;
            for (const auto& mount : system.mounts) {
                mounts += (mounts.empty() ? "" : " ") + printable(mount.mountpoint);
            }
            systems.push_back({printable(system.root), or_none(system.product), or_none(system.hostname), mounts});
        }
        text += "\n" + as_table(systems, 4);
    }
    return text;
}

std::string list_as_json(const DiskList& list)
{
    using Json = nlohmann::ordered_json;
    Json devices = Json::array();
    const auto contents = by_device(list.contents);
    for (const auto& device : list.devices) {
        Json row{{"name", device.name},
                 {"kind", text_of(device.kind)},
                 {"size", device.size},
                 {"sector_size", device.sector_size}};
        if (const auto found = contents.find(device.name); found != contents.end()) {
            const auto& content = *found->second;
            const std::pair<const char*, const std::string*> texts[] = {
                {"type", &content.type}, {"label", &content.label}, {"uuid", &content.uuid}};
            for (const auto& [name, value] : texts) {
                if (!value->empty()) {
                    row[name] = *value;
                }
            }
            if (content.used) {
                row["used"] = *content.used;
            }
        }
        for (const auto* subvolume : subvolumes_of(device.name, list.contents)) {
            row["subvolumes"].push_back(subvolume->device);
        }
        devices.push_back(std::move(row));
    }
    Json systems = Json::array();
    for (const auto& system : list.systems) {
        systems.push_back(to_json(system));
    }
    return Json{{"devices", std::move(devices)}, {"operating_systems", std::move(systems)}, {"warnings", list.warnings}}
               .dump(2, ' ', false, Json::error_handler_t::replace) +
           "\n";
}

} // namespace gm::mount
