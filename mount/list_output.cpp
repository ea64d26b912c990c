// SPDX-License-Identifier: GPL-2.0-or-later
#include "mount/list_output.hpp"

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

// Control characters could make a terminal do what the disk wants.
std::string printable(std::string_view text)
{
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto byte = static_cast<unsigned char>(text[i]);
        const bool c1 = byte == 0xc2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xa0;
        out += byte < 0x20 || byte == 0x7f || c1 ? '?' : text[i];
        i += c1 ? 1 : 0;
    }
    // The library knows what is valid UTF-8.
    const std::string quoted = nlohmann::json(out).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    return nlohmann::json::parse(quoted).get<std::string>();
}

// Characters, not bytes.
std::size_t width(std::string_view text)
{
    return static_cast<std::size_t>(
        std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
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
    constexpr std::size_t kColumns = 7;
    constexpr std::size_t kFirstNumber = 5; // columns from here on are aligned to the right
    using Row = std::array<std::string, kColumns>;
    std::vector<Row> rows{{"DEVICE", "KIND", "TYPE", "LABEL", "UUID", "SIZE", "USED"}};
    const auto contents = by_device(list.contents);
    for (const auto& device : list.devices) {
        Row row{printable(device.name), text_of(device.kind), "-", "-", "-", size_text(device.size), "-"};
        if (const auto found = contents.find(device.name); found != contents.end()) {
            const auto& content = *found->second;
            const auto or_none = [](const std::string& text) { return text.empty() ? "-" : printable(text); };
            row[2] = or_none(content.type);
            row[3] = or_none(content.label);
            row[4] = or_none(content.uuid);
            row[6] = content.used ? size_text(*content.used) : "-";
        }
        rows.push_back(std::move(row));
    }
    std::array<std::size_t, kColumns> widths{};
    for (const auto& row : rows) {
        for (std::size_t i = 0; i < kColumns; ++i) {
            widths[i] = std::max(widths[i], width(row[i]));
        }
    }
    std::string text;
    for (const auto& row : rows) {
        std::string line;
        for (std::size_t i = 0; i < kColumns; ++i) {
            const std::string space(widths[i] - width(row[i]), ' ');
            line += (i == 0 ? "" : "  ") + (i < kFirstNumber ? row[i] + space : space + row[i]);
        }
        text += line + "\n";
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
        devices.push_back(std::move(row));
    }
    return Json{{"devices", std::move(devices)}, {"warnings", list.warnings}}.dump(2, ' ', false,
                                                                                   Json::error_handler_t::replace) +
           "\n";
}

} // namespace gm::mount
