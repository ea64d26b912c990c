// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Mount options as users write them for mount(8), as mount(2) takes them: what is common to all file systems becomes
// flags, the rest is for the file system itself. Pure functions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace gm::daemon {

struct MountOptions {
    unsigned long flags = 0; // MS_*
    std::string data;        // comma separated

    bool operator==(const MountOptions&) const = default;
};

// The options one by one, those that are empty left out; a comma within quotes parts nothing.
std::vector<std::string_view> split_options(std::string_view text);

MountOptions parse_mount_options(std::string_view text);

// Whether `data` has this option, with or without a value.
bool has_option(std::string_view data, std::string_view name);

void add_option(std::string& data, std::string_view option);

} // namespace gm::daemon
