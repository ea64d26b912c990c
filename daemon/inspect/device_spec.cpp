// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/inspect/device_spec.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <strings.h>

namespace gm::daemon {
namespace {

bool same_ignoring_case(const std::string& a, std::string_view b)
{
    return a.size() == b.size() && ::strncasecmp(a.data(), b.data(), b.size()) == 0;
}

// udev writes "\x20" for what is no plain character in a name below /dev/disk.
std::string without_udev_escapes(std::string_view text)
{
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        unsigned value = 0;
        if (text.substr(i, 2) == "\\x" && i + 3 < text.size()) {
            const auto* const begin = text.data() + i + 2;
            const auto [end, error] = std::from_chars(begin, begin + 2, value, 16);
            if (error == std::errc{} && end == begin + 2) {
                out += static_cast<char>(static_cast<unsigned char>(value));
                i += 3;
                continue;
            }
        }
        out += text[i];
    }
    return out;
}

std::optional<std::uint32_t> take_number(std::string_view& text)
{
    std::uint32_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{}) {
        return std::nullopt;
    }
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    return number;
}

// Disks that are told by number: nvme0n1p2 and mmcblk0p1 of Linux, ada0p2 of FreeBSD.
struct NumberedDisk {
    std::string_view prefix;
    std::string_view middle; // between the number and the partition's
};
constexpr std::array kNumbered{NumberedDisk{"nvme", "n1p"}, NumberedDisk{"mmcblk", "p"}, NumberedDisk{"ada", "p"},
                               NumberedDisk{"da", "p"},     NumberedDisk{"ad", "p"},     NumberedDisk{"vtbd", "p"},
                               NumberedDisk{"nvd", "p"},    NumberedDisk{"nda", "p"},    NumberedDisk{"xbd", "p"}};

std::optional<DriveName> parse_numbered_disk(std::string_view name)
{
    for (const auto& disk : kNumbered) {
        if (!name.starts_with(disk.prefix)) {
            continue;
        }
        std::string_view rest = name.substr(disk.prefix.size());
        const auto drive = take_number(rest);
        if (!drive) {
            continue;
        }
        std::string_view whole = disk.middle;
        whole.remove_suffix(1);
        if (rest == whole) {
            return DriveName{.drive = *drive, .partition = 0};
        }
        if (rest.starts_with(disk.middle)) {
            rest.remove_prefix(disk.middle.size());
            const auto partition = take_number(rest);
            if (partition && *partition != 0 && rest.empty()) {
                return DriveName{.drive = *drive, .partition = *partition};
            }
        }
    }
    return std::nullopt;
}

template <typename Matches>
std::optional<std::string> first_that(const std::vector<KnownDevice>& devices, Matches&& matches)
{
    const auto found = std::ranges::find_if(devices, matches);
    return found == devices.end() ? std::nullopt : std::optional{found->name};
}

std::optional<std::string> by_tag(std::string_view tag, const std::string& value,
                                  const std::vector<KnownDevice>& devices)
{
    if (value.empty()) {
        return std::nullopt;
    }
    return first_that(devices, [&](const KnownDevice& device) {
        return tag == "UUID"        ? same_ignoring_case(device.uuid, value)
               : tag == "LABEL"     ? device.label == value
               : tag == "PARTUUID"  ? same_ignoring_case(device.part_uuid, value)
               : tag == "PARTLABEL" ? device.part_label == value
                                    : false;
    });
}

std::optional<std::string> by_name(const std::string& name, const std::vector<KnownDevice>& devices)
{
    return first_that(devices, [&](const KnownDevice& device) {
        return device.name == name || std::ranges::find(device.names, name) != device.names.end();
    });
}

// Folders of links, and the tag that each stands for.
constexpr std::array<std::pair<std::string_view, std::string_view>, 6> kLinks{{{"/dev/disk/by-uuid/", "UUID"},
                                                                               {"/dev/disk/by-label/", "LABEL"},
                                                                               {"/dev/disk/by-partuuid/", "PARTUUID"},
                                                                               {"/dev/disk/by-partlabel/", "PARTLABEL"},
                                                                               {"/dev/gpt/", "PARTLABEL"},
                                                                               {"/dev/ufs/", "LABEL"}}};

} // namespace

std::optional<std::string> resolve_spec(std::string_view spec, const std::vector<KnownDevice>& devices,
                                        const std::vector<MappedName>& mapped)
{
    if (const auto at = spec.find('='); at != std::string_view::npos && !spec.starts_with('/')) {
        return by_tag(spec.substr(0, at), std::string{spec.substr(at + 1)}, devices);
    }
    for (const auto& [folder, tag] : kLinks) {
        if (spec.starts_with(folder)) {
            return by_tag(tag, without_udev_escapes(spec.substr(folder.size())), devices);
        }
    }
    constexpr std::string_view mapper = "/dev/mapper/";
    if (spec.starts_with(mapper)) {
        const auto name = spec.substr(mapper.size());
        const auto found = std::ranges::find(mapped, name, &MappedName::name);
        if (found != mapped.end() && !std::string_view{found->spec}.starts_with(mapper)) {
            return resolve_spec(found->spec, devices, {});
        }
    }
    if (auto device = by_name(std::string{spec}, devices)) {
        return device;
    }
    constexpr std::string_view folder = "/dev/";
    if (!spec.starts_with(folder)) {
        return std::nullopt;
    }
    auto place = parse_drive_name(spec);
    if (!place) {
        place = parse_numbered_disk(spec.substr(folder.size()));
    }
    return place ? first_that(devices, [&](const KnownDevice& device) { return device.place == place; }) : std::nullopt;
}

} // namespace gm::daemon
