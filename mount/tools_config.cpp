// SPDX-License-Identifier: GPL-2.0-or-later
#include "mount/tools_config.hpp"

#include "core/base/syscall.hpp"

#include <algorithm>
#include <cctype>

namespace gm::mount {
namespace {

constexpr const char* kFile = "libguestfs/libguestfs-tools.conf";

std::string or_default(const char* value, const std::string& fallback)
{
    return value == nullptr || *value == '\0' ? fallback : value;
}

} // namespace

std::vector<std::string> tools_config_files(const Environment& environment)
{
    std::vector<std::string> files{"/etc/libguestfs-tools.conf"};
    // The first folder of the list matters most, so it comes last.
    const auto folders = or_default(environment("XDG_CONFIG_DIRS"), "/etc/xdg");
    std::vector<std::string> system;
    for (std::size_t begin = 0; begin <= folders.size();) {
        const auto end = std::min(folders.find(':', begin), folders.size());
        if (end > begin) {
            system.push_back(folders.substr(begin, end - begin) + "/" + kFile);
        }
        begin = end + 1;
    }
    files.insert(files.end(), system.rbegin(), system.rend());
    const auto home = or_default(environment("HOME"), "");
    const auto config = or_default(environment("XDG_CONFIG_HOME"), home.empty() ? "" : home + "/.config");
    if (!config.empty()) {
        files.push_back(config + "/" + kFile);
    }
    if (!home.empty()) {
        files.push_back(home + "/.libguestfs-tools.rc");
    }
    return files;
}

std::optional<bool> read_only_setting(std::string_view text)
{
    std::optional<bool> setting;
    while (!text.empty()) {
        const auto end = std::min(text.find('\n'), text.size());
        std::string line;
        for (const char c : text.substr(0, std::min({end, text.find('#'), text.find("//")}))) {
            if (std::isspace(static_cast<unsigned char>(c)) == 0) {
                line += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
            }
        }
        text.remove_prefix(std::min(end + 1, text.size()));
        const std::string_view key = "read_only=";
        if (line.starts_with(key)) {
            setting = line.substr(key.size()).starts_with("true");
        }
    }
    return setting;
}

bool read_only_by_default(const Environment& environment)
{
    bool read_only = false;
    for (const auto& file : tools_config_files(environment)) {
        const auto text = read_file(file);
        if (text.ok()) {
            read_only = read_only_setting(*text).value_or(read_only);
        }
    }
    return read_only;
}

} // namespace gm::mount
