// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/inspect/fstab.hpp"

#include "daemon/inspect/text.hpp"
#include "daemon/mount_options.hpp"

#include <algorithm>
#include <array>
#include <optional>

namespace gm::daemon {
namespace {

// "\040" is a blank, as getmntent(3) has it; and quotes around a whole value of a tag.
std::string unescaped(std::string_view text)
{
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto digit = [&](std::size_t at) { return at < text.size() && text[at] >= '0' && text[at] <= '7'; };
        if (text[i] == '\\' && digit(i + 1) && digit(i + 2) && digit(i + 3)) {
            const int value = (text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0');
            out += static_cast<char>(static_cast<unsigned char>(value & 0xff));
            i += 3;
        } else if (text[i] != '"') {
            out += text[i];
        }
    }
    return out;
}

// "/a//b/./c/" is "/a/b/c". Nothing for a path that is relative or goes up.
std::optional<std::string> plain_path(std::string_view path)
{
    if (!path.starts_with('/') || path.find('\0') != std::string_view::npos) {
        return std::nullopt;
    }
    std::string plain;
    for (const auto part : split(path, '/')) {
        if (part == "..") {
            return std::nullopt;
        }
        if (!part.empty() && part != ".") {
            plain += "/";
            plain += part;
        }
    }
    return plain.empty() ? "/" : plain;
}

bool is_on_a_disk(const FstabEntry& entry)
{
    constexpr std::array<std::string_view, 38> kElsewhere{
        "swap",   "none",     "ignore",   "proc",      "sysfs",     "devpts",   "devtmpfs", "tmpfs",
        "ramfs",  "cgroup",   "cgroup2",  "debugfs",   "tracefs",   "usbfs",    "usbdevfs", "mqueue",
        "bpf",    "efivarfs", "fdescfs",  "procfs",    "linprocfs", "linsysfs", "nullfs",   "mfs",
        "kernfs", "ptyfs",    "overlay",  "aufs",      "nfs",       "nfs4",     "cifs",     "smbfs",
        "sshfs",  "9p",       "virtiofs", "glusterfs", "ceph",      "hugetlbfs"};
    if (std::ranges::find(kElsewhere, entry.type) != kElsewhere.end() || entry.type.starts_with("fuse") ||
        entry.type == "cd9660" || entry.type == "securityfs" || entry.type == "configfs") {
        return false;
    }
    if (has_option(entry.options, "bind") || has_option(entry.options, "rbind") ||
        has_option(entry.options, "_netdev")) {
        return false;
    }
    if (has_option(entry.options, "noauto") && !has_option(entry.options, "x-systemd.automount")) {
        return false;
    }
    constexpr std::array<std::string_view, 4> kRemovable{"/dev/fd", "/dev/cdrom", "/dev/dvd", "/dev/sr"};
    return std::ranges::none_of(kRemovable, [&](std::string_view drive) { return entry.spec.starts_with(drive); });
}

std::size_t depth(const FstabEntry& entry)
{
    return entry.mountpoint == "/" ? 0 : static_cast<std::size_t>(std::ranges::count(entry.mountpoint, '/'));
}

} // namespace

std::vector<FstabEntry> parse_fstab(std::string_view text)
{
    std::vector<FstabEntry> entries;
    for (const auto line : content_lines(text)) {
        const auto fields = words(line);
        if (fields.size() < 3) {
            continue;
        }
        const auto mountpoint = plain_path(unescaped(fields[1]));
        FstabEntry entry{.spec = unescaped(fields[0]),
                         .mountpoint = mountpoint.value_or(""),
                         .type = std::string{fields[2]},
                         .options = fields.size() > 3 ? std::string{fields[3]} : ""};
        if (mountpoint && is_on_a_disk(entry) && entries.size() < kMostMounts) {
            entries.push_back(std::move(entry));
        }
    }
    std::ranges::stable_sort(entries, {}, depth);
    return entries;
}

std::string lasting_options(const FstabEntry& entry)
{
    constexpr std::array<std::string_view, 8> kKept{"subvol", "subvolid", "uid",   "gid",
                                                    "umask",  "fmask",    "dmask", "ro"};
    std::string kept;
    for (const auto option : split(entry.options, ',')) {
        if (std::ranges::find(kKept, option.substr(0, option.find('='))) != kKept.end()) {
            add_option(kept, option);
        }
    }
    return kept;
}

std::vector<CrypttabEntry> parse_crypttab(std::string_view text)
{
    std::vector<CrypttabEntry> entries;
    for (const auto line : content_lines(text)) {
        const auto fields = words(line);
        if (fields.size() >= 2 && entries.size() < kMostMounts) {
            entries.push_back({.name = std::string{fields[0]}, .spec = unescaped(fields[1])});
        }
    }
    return entries;
}

} // namespace gm::daemon
