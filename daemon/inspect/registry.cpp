// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/inspect/registry.hpp"

#include "daemon/inspect/text.hpp"
#include "daemon/run_tool.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

namespace gm::daemon {
namespace {

constexpr Millis kLimit{10'000}; // a hive of 100 MiB takes one or two seconds on an emulated processor
constexpr std::size_t kMostValues = 4096;

// Takes "..." with its backslashes off the front.
std::optional<std::string> take_quoted(std::string_view& text)
{
    if (!text.starts_with('"')) {
        return std::nullopt;
    }
    std::string out;
    for (std::size_t i = 1; i < text.size(); ++i) {
        if (text[i] == '"') {
            text.remove_prefix(i + 1);
            return out;
        }
        if (text[i] == '\\' && i + 1 < text.size()) {
            ++i;
        }
        out += text[i];
    }
    return std::nullopt;
}

std::optional<std::uint32_t> hexadecimal(std::string_view text)
{
    std::uint32_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
    return error == std::errc{} && end == text.data() + text.size() ? std::optional{value} : std::nullopt;
}

std::optional<RegistryValue> parse_value(std::string_view text)
{
    RegistryValue value;
    if (text.starts_with("str(")) { // an expandable string
        text.remove_prefix(std::min(text.find(':'), text.size() - 1) + 1);
    }
    if (auto quoted = take_quoted(text)) {
        value.text = std::move(*quoted);
        return value;
    }
    if (text.starts_with("dword:")) {
        const auto number = hexadecimal(text.substr(text.find(':') + 1));
        for (unsigned shift = 0; number && shift < 32; shift += 8) {
            value.bytes += static_cast<char>(static_cast<unsigned char>(*number >> shift));
        }
        return number ? std::optional{value} : std::nullopt;
    }
    const auto at = text.find(':');
    if (!text.starts_with("hex") || at == std::string_view::npos) {
        return std::nullopt;
    }
    for (const auto piece : split(text.substr(at + 1), ',')) {
        const auto byte = hexadecimal(trim(piece));
        if (!byte || *byte > 0xff) {
            return piece.empty() ? std::optional{value} : std::nullopt;
        }
        value.bytes += static_cast<char>(static_cast<unsigned char>(*byte));
    }
    return value;
}

} // namespace

RegistryValues parse_registry_values(std::string_view listing)
{
    RegistryValues values;
    for (const auto line : split(listing, '\n')) {
        std::string_view rest = line;
        auto name = take_quoted(rest);
        if (!name || !rest.starts_with('=') || values.size() == kMostValues) {
            continue;
        }
        if (auto value = parse_value(rest.substr(1))) {
            values.insert_or_assign(std::move(*name), std::move(*value));
        }
    }
    return values;
}

Result<RegistryValues> read_registry_key(const std::string& hive, std::string_view key)
{
    if (key.find('\n') != std::string_view::npos) {
        return make_error(EINVAL, "not a key of a registry");
    }
    const std::string output = GM_TRY(run_tool({"hivexsh", hive}, kLimit, fmt::format("cd {}\nlsval\n", key)));
    return parse_registry_values(output);
}

} // namespace gm::daemon
