// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/guest/drive_uri.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>

namespace gm {
namespace {

using Json = nlohmann::json;

struct Parts {
    std::string scheme;
    std::string user;
    std::string password;
    std::string host;
    std::string port;
    std::string path; // with its first '/'; decoded
    std::string query;
};

int hex_digit(char c)
{
    const auto lower = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return lower >= '0' && lower <= '9' ? lower - '0' : lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

std::string decoded(std::string_view text)
{
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '%' && i + 2 < text.size() && hex_digit(text[i + 1]) >= 0 && hex_digit(text[i + 2]) >= 0) {
            out += static_cast<char>(hex_digit(text[i + 1]) * 16 + hex_digit(text[i + 2]));
            i += 2;
        } else {
            out += text[i];
        }
    }
    return out;
}

// Cuts `text` at the first of `mark`; what follows the mark is returned, or "".
std::string_view cut(std::string_view& text, char mark)
{
    const auto at = text.find(mark);
    if (at == std::string_view::npos) {
        return {};
    }
    const auto rest = text.substr(at + 1);
    text = text.substr(0, at);
    return rest;
}

Parts split(std::string_view uri)
{
    Parts parts;
    const auto scheme_end = uri.find("://");
    parts.scheme = uri.substr(0, scheme_end);
    std::transform(parts.scheme.begin(), parts.scheme.end(), parts.scheme.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    uri.remove_prefix(scheme_end + 3);
    parts.query = cut(uri, '?');
    const auto path_begin = std::min(uri.find('/'), uri.size());
    parts.path = decoded(uri.substr(path_begin));
    auto authority = uri.substr(0, path_begin);
    if (const auto at = authority.rfind('@'); at != std::string_view::npos) {
        auto user = authority.substr(0, at);
        parts.password = decoded(cut(user, ':'));
        parts.user = decoded(user);
        authority.remove_prefix(at + 1);
    }
    if (authority.starts_with('[')) { // an IPv6 address
        authority.remove_prefix(1);
        auto rest = cut(authority, ']');
        parts.port = rest.starts_with(':') ? rest.substr(1) : std::string_view{};
    } else {
        parts.port = cut(authority, ':');
    }
    parts.host = authority;
    return parts;
}

std::string query_value(std::string_view query, std::string_view name)
{
    while (!query.empty()) {
        auto item = query;
        query = cut(item, '&');
        const auto value = cut(item, '=');
        if (item == name) {
            return decoded(value);
        }
    }
    return {};
}

std::string without_slash(const std::string& path)
{
    return path.starts_with('/') ? path.substr(1) : path;
}

Result<RemoteDisk> nbd(const Parts& parts)
{
    if (!parts.user.empty() || !parts.password.empty()) {
        return make_error(EINVAL, "NBD knows no users");
    }
    Json server;
    if (parts.scheme == "nbd+unix") {
        const auto socket = query_value(parts.query, "socket");
        if (socket.empty()) {
            return make_error(EINVAL, "a nbd+unix URI needs ?socket=PATH");
        }
        server = {{"type", "unix"}, {"path", socket}};
    } else {
        server = {{"type", "inet"}, {"host", parts.host}, {"port", parts.port.empty() ? "10809" : parts.port}};
    }
    return RemoteDisk{{{"driver", "nbd"}, {"server", server}, {"export", without_slash(parts.path)}}};
}

Result<RemoteDisk> ssh(const Parts& parts)
{
    if (!parts.password.empty()) {
        return make_error(EINVAL, "ssh asks the agent and the keys of the user: it takes no password");
    }
    Json disk{{"driver", "ssh"},
              {"path", parts.path},
              {"server", {{"host", parts.host}, {"port", parts.port.empty() ? "22" : parts.port}}}};
    if (!parts.user.empty()) {
        disk["user"] = parts.user;
    }
    return RemoteDisk{disk};
}

Result<RemoteDisk> rbd(const Parts& parts)
{
    const std::string path = without_slash(parts.path);
    const auto slash = path.find('/');
    if (slash == std::string::npos) {
        return make_error(EINVAL, "a rbd URI needs /POOL/IMAGE");
    }
    Json disk{{"driver", "rbd"}, {"pool", path.substr(0, slash)}, {"image", path.substr(slash + 1)}};
    if (!parts.host.empty()) {
        disk["server"] = Json::array({{{"host", parts.host}, {"port", parts.port.empty() ? "6789" : parts.port}}});
    }
    if (!parts.user.empty()) {
        disk["user"] = parts.user;
    }
    return RemoteDisk{.protocol = disk, .password = parts.password, .password_option = "key-secret"};
}

Result<RemoteDisk> iscsi(const Parts& parts)
{
    const std::string path = without_slash(parts.path);
    const auto slash = path.find('/');
    unsigned lun = 0;
    if (slash != std::string::npos) {
        const auto* end = path.data() + path.size();
        if (std::from_chars(path.data() + slash + 1, end, lun).ptr != end) {
            return make_error(EINVAL, "an iscsi URI ends with /TARGET or /TARGET/LUN, a number");
        }
    }
    Json disk{{"driver", "iscsi"},
              {"transport", "tcp"},
              {"portal", parts.port.empty() ? parts.host : parts.host + ':' + parts.port},
              {"target", path.substr(0, slash)},
              {"lun", lun}};
    if (!parts.user.empty()) {
        disk["user"] = parts.user;
    }
    return RemoteDisk{.protocol = disk, .password = parts.password, .password_option = "password-secret"};
}

// By libcurl. The user is not part of the address, which messages show.
RemoteDisk web(const Parts& parts, std::string_view uri)
{
    const auto host = uri.find("://") + 3;
    std::string url{uri};
    if (const auto at = uri.substr(0, std::min(uri.find_first_of("/?", host), uri.size())).rfind('@');
        at != std::string_view::npos) {
        url.erase(host, at + 1 - host);
    }
    Json disk{{"driver", parts.scheme}, {"url", url}};
    if (!parts.user.empty()) {
        disk["username"] = parts.user;
    }
    return {
        .protocol = disk, .always_read_only = true, .password = parts.password, .password_option = "password-secret"};
}

Result<RemoteDisk> remote(const Parts& parts, std::string_view uri)
{
    const auto& scheme = parts.scheme;
    if (scheme != "nbd+unix" && scheme != "rbd" && parts.host.empty()) {
        return make_error(EINVAL, "the URI names no host");
    }
    if (scheme == "http" || scheme == "https" || scheme == "ftp" || scheme == "ftps") {
        return web(parts, uri);
    }
    if (scheme == "nbd" || scheme == "nbd+unix") {
        return nbd(parts);
    }
    if (scheme == "ssh") {
        return ssh(parts);
    }
    if (scheme == "rbd") {
        return rbd(parts);
    }
    if (scheme == "iscsi") {
        return iscsi(parts);
    }
    return make_error(EINVAL,
                      "no disk can be had by '{}'; known are file, http, https, ftp, ftps, nbd, nbd+unix, rbd, "
                      "iscsi and ssh",
                      scheme);
}

} // namespace

bool is_drive_uri(std::string_view source)
{
    const auto end = source.find("://");
    return end != std::string_view::npos && end > 0 &&
           std::all_of(source.begin(), source.begin() + static_cast<std::ptrdiff_t>(end),
                       [](unsigned char c) { return std::isalnum(c) != 0 || c == '+' || c == '-' || c == '.'; });
}

std::string_view password_in(std::string_view source)
{
    const auto scheme_end = source.find("://");
    if (scheme_end == std::string_view::npos) {
        return {};
    }
    const auto rest = source.substr(scheme_end + 3);
    const auto authority = rest.substr(0, rest.find_first_of("/?"));
    const auto at = authority.rfind('@');
    const auto colon = authority.find(':');
    return at != std::string_view::npos && colon < at ? authority.substr(colon + 1, at - colon - 1)
                                                      : std::string_view{};
}

std::string without_password(std::string_view source)
{
    std::string shown{source};
    if (const auto password = password_in(source); is_drive_uri(source) && !password.empty()) {
        shown.replace(static_cast<std::size_t>(password.data() - source.data()), password.size(), "...");
    }
    return shown;
}

Result<DriveUri> parse_drive_uri(std::string_view uri)
{
    const Parts parts = split(uri);
    DriveUri result;
    if (parts.scheme == "file") {
        if (!parts.host.empty() && parts.host != "localhost") {
            return make_error(EINVAL, "'{}': a file URI is file:///PATH", without_password(uri));
        }
        result.local_path = parts.path;
        return result;
    }
    auto disk = remote(parts, uri);
    if (!disk) {
        return with_context(disk.take_error(), fmt::format("'{}'", without_password(uri)));
    }
    result.remote = disk.take_value();
    return result;
}

} // namespace gm
