// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Values of a Windows registry hive, read by hivexsh in a process of its own: a hive is a file system of its own kind,
// and this one comes from the guest. Blocks; any thread.
#pragma once

#include "core/base/error.hpp"

#include <map>
#include <string>
#include <string_view>

namespace gm::daemon {

struct RegistryValue {
    std::string text;  // of strings, UTF-8
    std::string bytes; // of all others; numbers in little-endian order

    bool operator==(const RegistryValue&) const = default;
};
using RegistryValues = std::map<std::string, RegistryValue, std::less<>>;

// The values of one key, "\Microsoft\Windows NT\CurrentVersion". `hive` is a path of the daemon. EIO: no such key, or a
// damaged hive.
Result<RegistryValues> read_registry_key(const std::string& hive, std::string_view key);

// What lsval of hivexsh(1) prints; lines that are none are left out. Pure.
RegistryValues parse_registry_values(std::string_view listing);

} // namespace gm::daemon
