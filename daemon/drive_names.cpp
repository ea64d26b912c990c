// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/drive_names.hpp"

#include <algorithm>
#include <charconv>

namespace gm::daemon {
namespace {

constexpr std::uint32_t kLetters = 26;
constexpr std::string_view kSerialPrefix = "gm-disk-";

bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

} // namespace

std::optional<DriveName> parse_drive_name(std::string_view path)
{
    constexpr std::string_view folder = "/dev/";
    if (!path.starts_with(folder)) {
        return std::nullopt;
    }
    path.remove_prefix(folder.size());
    if (path.starts_with("xvd")) {
        path.remove_prefix(1);
    }
    if (path.size() < 3 || std::string_view{"svh"}.find(path[0]) == std::string_view::npos || path[1] != 'd') {
        return std::nullopt;
    }
    path.remove_prefix(2);
    DriveName name;
    std::uint32_t count = 0; // of all names that come before, plus one
    std::size_t at = 0;
    while (at < path.size() && path[at] >= 'a' && path[at] <= 'z') {
        if (at == 4) {
            return std::nullopt;
        }
        count = count * kLetters + static_cast<std::uint32_t>(path[at] - 'a') + 1;
        ++at;
    }
    if (at == 0) {
        return std::nullopt;
    }
    name.drive = count - 1;
    path.remove_prefix(at);
    if (path.empty()) {
        return name;
    }
    const auto [end, error] = std::from_chars(path.data(), path.data() + path.size(), name.partition);
    if (error != std::errc{} || end != path.data() + path.size() || path.front() == '0') {
        return std::nullopt;
    }
    return name;
}

std::string to_text(const DriveName& name)
{
    std::string letters;
    for (std::uint32_t left = name.drive + 1; left > 0; left = (left - 1) / kLetters) {
        letters.insert(letters.begin(), static_cast<char>('a' + (left - 1) % kLetters));
    }
    return "/dev/sd" + letters + (name.partition != 0 ? std::to_string(name.partition) : "");
}

std::string kernel_partition_name(std::string_view disk, std::uint32_t partition)
{
    std::string name{disk};
    if (!name.empty() && is_digit(name.back())) {
        name += 'p';
    }
    return name + std::to_string(partition);
}

std::optional<std::uint32_t> drive_of_serial(std::string_view text)
{
    const auto at = text.find(kSerialPrefix);
    if (at == std::string_view::npos) {
        return std::nullopt;
    }
    text.remove_prefix(at + kSerialPrefix.size());
    std::uint32_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || end == text.data()) {
        return std::nullopt;
    }
    return number;
}

std::string volume_path(std::string_view mapped)
{
    std::string path = "/dev/";
    for (std::size_t i = 0; i < mapped.size(); ++i) {
        if (mapped[i] == '-' && i + 1 < mapped.size() && mapped[i + 1] == '-') {
            path += '-';
            ++i;
        } else {
            path += mapped[i] == '-' ? '/' : mapped[i];
        }
    }
    return path;
}

} // namespace gm::daemon
