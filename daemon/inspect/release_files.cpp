// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/inspect/release_files.hpp"

#include "daemon/inspect/text.hpp"

#include <algorithm>
#include <array>
#include <cctype>

namespace gm::daemon {
namespace {

// NAME=VALUE lines; the last one of a name counts, as for a shell.
std::string assigned(std::string_view text, std::string_view name)
{
    std::string value;
    for (const auto line : content_lines(text)) {
        const auto at = line.find('=');
        if (at != std::string_view::npos && trim(line.substr(0, at)) == name) {
            value = unquoted(line.substr(at + 1));
        }
    }
    return value.substr(0, GuestTree::kMostLine);
}

std::string lower(std::string text)
{
    std::ranges::transform(text, text.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return text;
}

// The first number with dots in a text: "5.11" of "CentOS release 5.11 (Final)".
std::string number_in(std::string_view text)
{
    const auto begin = text.find_first_of("0123456789");
    if (begin == std::string_view::npos) {
        return {};
    }
    auto number = text.substr(begin, text.find_first_not_of("0123456789.", begin) - begin);
    while (number.ends_with('.')) {
        number.remove_suffix(1);
    }
    return std::string{number};
}

// A file whose first line names the product, or whose presence does and whose first line is the version.
struct OldRelease {
    std::string_view file;
    std::string_view distribution; // empty: from the first word
    std::string_view name;         // put before the line; empty: the line is the product
};

constexpr std::array kOldReleases{
    OldRelease{"etc/fedora-release", "fedora", ""},
    OldRelease{"etc/oracle-release", "ol", ""},
    OldRelease{"etc/centos-release", "centos", ""},
    OldRelease{"etc/rocky-release", "rocky", ""},
    OldRelease{"etc/almalinux-release", "almalinux", ""},
    OldRelease{"etc/mageia-release", "mageia", ""},
    OldRelease{"etc/mandriva-release", "mandriva", ""},
    OldRelease{"etc/redhat-release", "", ""},
    OldRelease{"etc/SuSE-release", "suse", ""},
    OldRelease{"etc/slackware-version", "slackware", ""},
    OldRelease{"etc/gentoo-release", "gentoo", ""},
    OldRelease{"etc/arch-release", "arch", "Arch Linux"},
    OldRelease{"etc/alpine-release", "alpine", "Alpine Linux"},
    OldRelease{"etc/pld-release", "pld", ""},
    OldRelease{"etc/frugalware-release", "frugalware", ""},
    OldRelease{"etc/debian_version", "debian", "Debian GNU/Linux"},
};

// "Red Hat Enterprise Linux Server release 5.11 (Tikanga)", "CentOS release 5.11 (Final)", "Scientific Linux ...".
std::string distribution_of(std::string_view line)
{
    const std::string text = lower(std::string{line});
    constexpr std::array<std::pair<std::string_view, std::string_view>, 5> known{{{"red hat enterprise", "rhel"},
                                                                                  {"red hat linux", "redhat"},
                                                                                  {"centos", "centos"},
                                                                                  {"scientific", "scientific"},
                                                                                  {"fedora", "fedora"}}};
    for (const auto& [words_of_it, id] : known) {
        if (text.find(words_of_it) != std::string::npos) {
            return std::string{id};
        }
    }
    return text.substr(0, text.find(' '));
}

std::optional<Release> old_release(const GuestTree& tree)
{
    for (const auto& old : kOldReleases) {
        if (!tree.has(old.file)) {
            continue;
        }
        const std::string line = tree.first_line(old.file).value_or("");
        if (line.empty() && old.name.empty()) {
            continue;
        }
        Release release{.distribution =
                            old.distribution.empty() ? distribution_of(line) : std::string{old.distribution},
                        .product = line,
                        .version = number_in(line)};
        if (!old.name.empty()) {
            release.product = std::string{old.name} + (line.empty() ? "" : " ") + line;
            release.version = release.version.empty() ? line : release.version;
        }
        return release;
    }
    return std::nullopt;
}

std::optional<Release> newer_release(const GuestTree& tree, const char* os_release)
{
    const auto text = tree.read(os_release);
    return text ? parse_os_release(*text) : std::nullopt;
}

} // namespace

std::optional<Release> parse_os_release(std::string_view text)
{
    Release release{.distribution = lower(assigned(text, "ID")),
                    .product = assigned(text, "PRETTY_NAME"),
                    .version = assigned(text, "VERSION_ID")};
    if (release.product.empty()) {
        release.product = assigned(text, "NAME");
        release.product += release.product.empty() || release.version.empty() ? "" : " " + release.version;
    }
    if (release.distribution.empty() && release.product.empty()) {
        return std::nullopt;
    }
    if (release.distribution.empty()) {
        release.distribution = "linux"; // the default of os-release(5)
    }
    if (release.product.empty()) {
        release.product = release.distribution;
    }
    return release;
}

std::optional<Release> parse_lsb_release(std::string_view text)
{
    Release release{.distribution = lower(assigned(text, "DISTRIB_ID")),
                    .product = assigned(text, "DISTRIB_DESCRIPTION"),
                    .version = assigned(text, "DISTRIB_RELEASE")};
    if (release.distribution.empty()) {
        return std::nullopt;
    }
    if (release.product.empty()) {
        release.product = assigned(text, "DISTRIB_ID") + (release.version.empty() ? "" : " ") + release.version;
    }
    return release;
}

std::optional<Release> linux_release(const GuestTree& tree, const GuestTree* usr)
{
    for (const char* file : {"etc/os-release", "usr/lib/os-release"}) {
        if (auto release = newer_release(tree, file)) {
            return release;
        }
    }
    if (usr != nullptr) {
        if (auto release = newer_release(*usr, "lib/os-release")) {
            return release;
        }
    }
    if (const auto text = tree.read("etc/lsb-release")) {
        if (auto release = parse_lsb_release(*text)) {
            return release;
        }
    }
    return old_release(tree);
}

std::string linux_hostname(const GuestTree& tree)
{
    for (const char* file : {"etc/hostname", "etc/HOSTNAME"}) {
        const auto text = tree.read(file).value_or("");
        if (const auto lines = content_lines(text); !lines.empty()) {
            return std::string{lines.front().substr(0, GuestTree::kMostLine)};
        }
    }
    for (const auto& [file, name] :
         {std::pair{"etc/sysconfig/network", "HOSTNAME"}, std::pair{"etc/conf.d/hostname", "hostname"},
          std::pair{"etc/rc.conf", "hostname"}}) {
        if (auto value = assigned(tree.read(file).value_or(""), name); !value.empty()) {
            return value;
        }
    }
    return {};
}

} // namespace gm::daemon
