// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/mount_options.hpp"

#include <algorithm>
#include <array>
#include <sys/mount.h>

namespace gm::daemon {
namespace {

struct CommonOption {
    std::string_view name;
    unsigned long set;
    unsigned long clear;
};

// mount(8), "filesystem-independent mount options". What concerns fstab, users or loop devices means nothing here.
constexpr std::array kCommon{
    CommonOption{"ro", MS_RDONLY, 0},
    CommonOption{"rw", 0, MS_RDONLY},
    CommonOption{"sync", MS_SYNCHRONOUS, 0},
    CommonOption{"async", 0, MS_SYNCHRONOUS},
    CommonOption{"dirsync", MS_DIRSYNC, 0},
    CommonOption{"noatime", MS_NOATIME, MS_RELATIME | MS_STRICTATIME},
    CommonOption{"atime", 0, MS_NOATIME},
    CommonOption{"nodiratime", MS_NODIRATIME, 0},
    CommonOption{"diratime", 0, MS_NODIRATIME},
    CommonOption{"relatime", MS_RELATIME, MS_NOATIME | MS_STRICTATIME},
    CommonOption{"norelatime", 0, MS_RELATIME},
    CommonOption{"strictatime", MS_STRICTATIME, MS_NOATIME | MS_RELATIME},
    CommonOption{"nostrictatime", 0, MS_STRICTATIME},
    CommonOption{"lazytime", MS_LAZYTIME, 0},
    CommonOption{"nolazytime", 0, MS_LAZYTIME},
    CommonOption{"mand", 0, 0},
    CommonOption{"nomand", 0, 0},
    CommonOption{"suid", 0, 0},
    CommonOption{"nosuid", 0, 0},
    CommonOption{"dev", 0, 0},
    CommonOption{"nodev", 0, 0},
    CommonOption{"exec", 0, 0},
    CommonOption{"noexec", 0, 0},
    CommonOption{"defaults", 0, 0},
    CommonOption{"auto", 0, 0},
    CommonOption{"noauto", 0, 0},
    CommonOption{"user", 0, 0},
    CommonOption{"nouser", 0, 0},
    CommonOption{"users", 0, 0},
    CommonOption{"group", 0, 0},
    CommonOption{"owner", 0, 0},
    CommonOption{"nofail", 0, 0},
    CommonOption{"_netdev", 0, 0},
    CommonOption{"loop", 0, 0},
};

template <typename Use>
void for_each_option(std::string_view text, Use&& use)
{
    while (!text.empty()) {
        // A comma inside quotes belongs to the value, as for mount(8): context="a,b".
        std::size_t end = 0;
        bool quoted = false;
        while (end < text.size() && (quoted || text[end] != ',')) {
            quoted ^= text[end] == '"';
            ++end;
        }
        if (end != 0) {
            use(text.substr(0, end));
        }
        text.remove_prefix(std::min(text.size(), end + 1));
    }
}

} // namespace

std::vector<std::string_view> split_options(std::string_view text)
{
    std::vector<std::string_view> options;
    for_each_option(text, [&](std::string_view option) { options.push_back(option); });
    return options;
}

MountOptions parse_mount_options(std::string_view text)
{
    MountOptions options;
    for_each_option(text, [&](std::string_view option) {
        const auto* const known = std::ranges::find(kCommon, option, &CommonOption::name);
        if (known != kCommon.end()) {
            options.flags = (options.flags & ~known->clear) | known->set;
        } else if (!option.starts_with("x-") && !option.starts_with("comment=")) {
            add_option(options.data, option);
        }
    });
    return options;
}

bool has_option(std::string_view data, std::string_view name)
{
    bool found = false;
    for_each_option(data, [&](std::string_view option) { found |= option.substr(0, option.find('=')) == name; });
    return found;
}

void add_option(std::string& data, std::string_view option)
{
    if (!data.empty()) {
        data += ',';
    }
    data += option;
}

} // namespace gm::daemon
