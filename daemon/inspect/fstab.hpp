// SPDX-License-Identifier: LGPL-2.1-or-later
//
// fstab(5) and crypttab(5) of a guest. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace gm::daemon {

struct FstabEntry {
    std::string spec;       // "UUID=...", "/dev/sda1" ...
    std::string mountpoint; // absolute, without "." , ".." or a slash at the end
    std::string type;
    std::string options;

    bool operator==(const FstabEntry&) const = default;
};

// The lines that mount a file system of a disk when the system starts, parents before their children, the first
// kMostMounts of them. Left out: swap, network and kernel file systems, bind mounts, removable drives, and noauto
// unless something mounts it on demand.
std::vector<FstabEntry> parse_fstab(std::string_view text);

// What of the options of such a line shapes what is seen: the subvolume, and owners and modes where the file system has
// none.
std::string lasting_options(const FstabEntry& entry);

struct CrypttabEntry {
    std::string name; // below /dev/mapper
    std::string spec;

    bool operator==(const CrypttabEntry&) const = default;
};
std::vector<CrypttabEntry> parse_crypttab(std::string_view text);

constexpr std::size_t kMostMounts = 128;

} // namespace gm::daemon
