// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Linux, the BSDs, and installation discs.
#include "daemon/inspect/candidate.hpp"
#include "daemon/inspect/fstab.hpp"
#include "daemon/inspect/release_files.hpp"
#include "daemon/inspect/text.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace gm::daemon {
namespace {

constexpr std::size_t kMostProblems = 32;

std::vector<MappedName> mapped_names(const GuestTree& tree)
{
    std::vector<MappedName> names;
    for (auto& entry : parse_crypttab(tree.read("etc/crypttab").value_or(""))) {
        names.push_back({.name = std::move(entry.name), .spec = std::move(entry.spec)});
    }
    return names;
}

std::vector<FstabEntry> fstab_of(const GuestTree& tree)
{
    return parse_fstab(tree.read("etc/fstab").value_or(""));
}

// The tree on /usr, when fstab has one of its own there.
const GuestTree* usr_tree(const GuestTree& tree, const Surroundings& around)
{
    for (const auto& entry : fstab_of(tree)) {
        if (entry.mountpoint == "/usr") {
            const auto device = resolve_spec(entry.spec, around.devices, mapped_names(tree));
            return device ? around.tree_of(*device) : nullptr;
        }
    }
    return nullptr;
}

rpc::OperatingSystem system_on(const Candidate& candidate, std::string family)
{
    rpc::OperatingSystem system{};
    system.root = candidate.device;
    system.family = std::move(family);
    system.mounts.push_back({.device = candidate.device, .mountpoint = "/", .options = {}});
    return system;
}

void describe(rpc::OperatingSystem& system, const Release& release)
{
    system.distribution = release.distribution;
    system.product = release.product;
    system.version = release.version;
}

// A system that is deployed by ostree: its root is a folder, and the file system shows all deployments.
std::optional<Release> deployed_release(const GuestTree& tree)
{
    for (const auto& name : tree.names("ostree/deploy")) {
        const std::string folder = "ostree/deploy/" + name + "/deploy/";
        for (const auto& deployment : tree.names(folder)) {
            for (const char* file : {"/etc/os-release", "/usr/lib/os-release"}) {
                const auto text = tree.read(folder + deployment + file);
                const auto release = text ? parse_os_release(*text) : std::nullopt;
                if (release) {
                    return release;
                }
            }
        }
    }
    return std::nullopt;
}

// "USERLAND_VERSION="13.2-RELEASE"" in a script of FreeBSD's.
std::string userland_version(std::string_view script)
{
    constexpr std::string_view name = "USERLAND_VERSION=";
    for (const auto line : content_lines(script)) {
        if (line.starts_with(name)) {
            return unquoted(line.substr(name.size())).substr(0, GuestTree::kMostLine);
        }
    }
    return {};
}

std::string bsd_hostname(const GuestTree& tree)
{
    if (const auto name = tree.first_line("etc/myname")) {
        return *name;
    }
    return linux_hostname(tree); // hostname= in rc.conf
}

} // namespace

void add_fstab_mounts(rpc::OperatingSystem& system, const GuestTree& tree, const Surroundings& around)
{
    const auto mapped = mapped_names(tree);
    for (const auto& entry : fstab_of(tree)) {
        if (entry.mountpoint == "/") {
            continue;
        }
        if (auto device = resolve_spec(entry.spec, around.devices, mapped)) {
            system.mounts.push_back(
                {.device = std::move(*device), .mountpoint = entry.mountpoint, .options = lasting_options(entry)});
        } else if (system.problems.size() < kMostProblems) {
            system.problems.push_back(fmt::format("'{}' of {} is not on the disks: {} stays empty",
                                                  entry.spec.substr(0, GuestTree::kMostLine), system.root,
                                                  entry.mountpoint.substr(0, GuestTree::kMostLine)));
        }
    }
}

std::optional<rpc::OperatingSystem> linux_system(const Candidate& candidate, const Surroundings& around)
{
    const auto& tree = candidate.tree;
    if (!tree.has_folder("etc")) {
        const auto release = deployed_release(tree);
        if (!release) {
            return std::nullopt;
        }
        auto system = system_on(candidate, "linux");
        describe(system, *release);
        return system;
    }
    const bool has_programs = tree.has("bin") || tree.has("usr") || tree.has("nix");
    const auto release = has_programs ? linux_release(tree, usr_tree(tree, around)) : std::nullopt;
    const bool looks_like_a_root = tree.has("etc/fstab") && tree.has("bin") && tree.has("lib") && !tree.has("bsd");
    if (!release && !looks_like_a_root) {
        return std::nullopt;
    }
    auto system = system_on(candidate, "linux");
    if (release) {
        describe(system, *release);
    } else {
        system.product = "Linux";
    }
    system.hostname = linux_hostname(tree);
    add_fstab_mounts(system, tree, around);
    return system;
}

std::optional<rpc::OperatingSystem> bsd_system(const Candidate& candidate, const Surroundings& around)
{
    const auto& tree = candidate.tree;
    if (!tree.has("etc/fstab") && !tree.has("etc/rc.conf") && !tree.has("etc/rc")) {
        return std::nullopt;
    }
    std::string family;
    std::string product;
    std::string version;
    if (tree.has("bin/freebsd-version") || tree.has("boot/kernel/kernel")) {
        family = "freebsd";
        version = userland_version(tree.read("bin/freebsd-version").value_or(""));
        product = "FreeBSD";
    } else if (tree.has("netbsd") && tree.has("etc/release")) {
        family = "netbsd";
        product = "NetBSD";
        const auto fields = tree.first_line("etc/release").value_or("");
        const auto all = words(fields); // "NetBSD 9.3/amd64"
        version = all.size() > 1 ? std::string{all[1].substr(0, all[1].find('/'))} : "";
    } else if (tree.has("bsd") && tree.has("etc/motd")) {
        family = "openbsd";
        product = "OpenBSD";
        const auto fields = tree.first_line("etc/motd").value_or("");
        const auto all = words(fields); // "OpenBSD 7.3 (GENERIC.MP) #1125: ..."
        version = all.size() > 1 && all[0] == "OpenBSD" ? std::string{all[1]} : "";
    } else {
        return std::nullopt;
    }
    auto system = system_on(candidate, family);
    system.distribution = family;
    system.version = version;
    system.product = product + (version.empty() ? "" : " ") + version;
    system.hostname = bsd_hostname(tree);
    add_fstab_mounts(system, tree, around);
    return system;
}

std::optional<rpc::OperatingSystem> installation_disc(const Candidate& candidate)
{
    const auto& tree = candidate.tree;
    auto system = system_on(candidate, "installer");
    if (const auto line = tree.first_line(".disk/info")) { // Debian, Ubuntu and what comes from them
        system.product = *line;
        auto name = line->substr(0, line->find(' '));
        std::ranges::transform(name, name.begin(),
                               [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
        system.distribution = std::move(name);
        return system;
    }
    if (const auto info = tree.read(".treeinfo")) { // Fedora, Red Hat and what comes from them
        for (const auto line : content_lines(*info)) {
            const auto at = line.find('=');
            const auto name = trim(line.substr(0, at));
            const auto value = at == std::string_view::npos ? std::string_view{} : trim(line.substr(at + 1));
            if (name == "name" && system.product.empty()) {
                system.product = value.substr(0, GuestTree::kMostLine);
            } else if (name == "version" && system.version.empty()) {
                system.version = value.substr(0, GuestTree::kMostLine);
            }
        }
        return system.product.empty() ? std::nullopt : std::optional{system};
    }
    if (tree.find_ignoring_case("sources/install.wim") || tree.find_ignoring_case("sources/boot.wim")) {
        system.distribution = "windows";
        system.product = "Windows installation disc";
        return system;
    }
    return std::nullopt;
}

} // namespace gm::daemon
