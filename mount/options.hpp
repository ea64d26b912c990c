// SPDX-License-Identifier: GPL-2.0-or-later
//
// The command line of guestmount as a value. Parsing is pure but for getopt's globals: one thread at a time.
#pragma once

#include "cache/budget.hpp"
#include "core/base/error.hpp"
#include "core/guest/drive.hpp"
#include "mount/keys.hpp"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace gm::mount {

// -m DEV[:MNT[:OPTS[:FSTYPE]]]
struct MountSpec {
    std::string device;
    std::string mountpoint = "/"; // in the guest
    std::string options;
    std::string type; // empty: detected

    static Result<MountSpec> parse(const std::string& text);
    bool operator==(const MountSpec&) const = default;
};

// The disks of a libvirt domain, which take their places among the other drives.
struct DomainSpec {
    std::string name;         // or UUID
    std::size_t position = 0; // how many of `drives` come before

    bool operator==(const DomainSpec&) const = default;
};

struct Options {
    std::vector<Drive> drives;
    std::vector<DomainSpec> domains;
    std::optional<std::string> connection; // of libvirt
    std::vector<MountSpec> mounts;
    std::vector<VolumeKey> keys;
    bool keys_from_stdin = false;
    bool echo_keys = false;
    bool all = false;     // every file system that opens, instead of `mounts`
    bool inspect = false; // the operating system, instead of `mounts`
    std::string root;     // its root device; empty: there is only one
    bool json = false;
    bool read_only = false;
    std::string fuse_options; // everything given with -o, joined by commas
    std::string mountpoint;
    std::string pid_file;
    std::size_t cache_size = cache::kDefaultCacheSize; // bytes
    std::optional<int> ready_fd;                       // gets one 0 byte when ready
    bool no_fork = false;
    bool verbose = false;
    bool trace = false;
};

// What a command line asks for: a mount, or some text on standard output.
enum class Action { mount, list, help, version, fuse_help, long_options, short_options };
struct CommandLine {
    Action action = Action::mount;
    Options options; // checked, when the action is mount or list
};

// Reads an environment variable; null when it is not set.
using Environment = std::function<const char*(const char*)>;

// `read_only` is the default when neither --ro nor --rw is given. EINVAL with the complaint for the user.
Result<CommandLine> parse_command_line(std::vector<std::string> arguments, bool read_only,
                                       const Environment& environment);

std::string help_text();
std::string fuse_help_text();
// For completion scripts: every option on a line of its own.
std::string long_options_text();
std::string short_options_text();

} // namespace gm::mount
