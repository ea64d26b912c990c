// SPDX-License-Identifier: GPL-2.0-or-later
#include "mount/domain/domain_xml.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <pugixml.hpp>
#include <string_view>

namespace gm::mount {
namespace {

std::string attribute(const pugi::xml_node& node, const char* name)
{
    return node.attribute(name).as_string();
}

// RFC 3986: all but the unreserved characters and what else `keep` says.
std::string encoded(std::string_view text, std::string_view keep = "")
{
    std::string out;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (std::isalnum(byte) != 0 || std::string_view{"-._~"}.find(c) != std::string_view::npos ||
            keep.find(c) != std::string_view::npos) {
            out += c;
        } else {
            out += fmt::format("%{:02X}", byte);
        }
    }
    return out;
}

struct Host {
    std::string name;
    std::string port;
    std::string socket; // of transport "unix"
};

Host first_host(const pugi::xml_node& source)
{
    const auto node = source.child("host");
    return {.name = attribute(node, "name"), .port = attribute(node, "port"), .socket = attribute(node, "socket")};
}

std::string authority(const std::string& user, const std::string& password, const Host& host)
{
    std::string text;
    if (!user.empty()) {
        text = encoded(user) + (password.empty() ? "" : ":" + encoded(password)) + "@";
    }
    text += host.name.find(':') != std::string::npos ? "[" + host.name + "]" : host.name;
    return text + (host.port.empty() ? "" : ":" + host.port);
}

Result<std::string> network_source(const pugi::xml_node& disk, const pugi::xml_node& source,
                                   const DomainLookups& lookups)
{
    constexpr std::array known{"nbd", "http", "https", "ftp", "ftps", "ssh", "iscsi", "rbd"};
    const std::string protocol = attribute(source, "protocol");
    if (std::find(known.begin(), known.end(), protocol) == known.end()) {
        return make_error(EINVAL, "the network protocol '{}' is not supported", protocol);
    }
    const std::string name = attribute(source, "name");
    const Host host = first_host(source);
    if (protocol == "nbd" && !host.socket.empty()) {
        return fmt::format("nbd+unix:///{}?socket={}", encoded(name), encoded(host.socket, "/"));
    }
    const auto auth = source.child("auth") ? source.child("auth") : disk.child("auth");
    const std::string user = attribute(auth, "username");
    std::string password;
    if (const auto secret = auth.child("secret")) {
        password =
            GM_TRY(lookups.secret(attribute(secret, "uuid"), attribute(secret, "type"), attribute(secret, "usage")));
    }
    return fmt::format("{}://{}/{}{}", protocol, authority(user, password, host),
                       encoded(name.starts_with('/') ? name.substr(1) : name, "/:"), attribute(source, "query"));
}

Result<std::string> source_of(const pugi::xml_node& disk, const DomainLookups& lookups)
{
    const std::string type = attribute(disk, "type");
    const auto source = disk.child("source");
    std::string found;
    if (type == "file") {
        found = attribute(source, "file");
    } else if (type == "block") {
        found = attribute(source, "dev");
    } else if (type == "volume") {
        found = GM_TRY(lookups.volume_path(attribute(source, "pool"), attribute(source, "volume")));
    } else if (type == "network") {
        found = GM_TRY(network_source(disk, source, lookups));
    } else {
        return make_error(EINVAL, "a source of type '{}' is not supported", type);
    }
    return found.empty() ? make_error(EINVAL, "it has no source") : Result<std::string>{std::move(found)};
}

bool is_encrypted(const pugi::xml_node& disk)
{
    return disk.child("encryption") || disk.child("source").child("encryption");
}

} // namespace

Result<std::vector<DomainDisk>> parse_domain_disks(const std::string& xml, const DomainLookups& lookups)
{
    pugi::xml_document document;
    const auto parsed = document.load_buffer(xml.data(), xml.size());
    if (!parsed) {
        return make_error(EINVAL, "the domain's XML: {}", parsed.description());
    }
    std::vector<DomainDisk> disks;
    for (const auto& disk : document.child("domain").child("devices").children("disk")) {
        const std::string device = attribute(disk, "device");
        if (device == "cdrom" || device == "floppy") {
            continue;
        }
        const auto named = [&](Error error) {
            const std::string target = attribute(disk.child("target"), "dev");
            return with_context(std::move(error), fmt::format("disk '{}'", target));
        };
        if (is_encrypted(disk)) {
            return named(make_error(EINVAL, "its image is encrypted by qemu, which is not supported"));
        }
        auto source = source_of(disk, lookups);
        if (!source) {
            return named(source.take_error());
        }
        const std::string format = attribute(disk.child("driver"), "type");
        disks.push_back({.source = source.take_value(),
                         .format = format.empty() ? "raw" : format,
                         .read_only = static_cast<bool>(disk.child("readonly"))});
    }
    return disks;
}

} // namespace gm::mount
