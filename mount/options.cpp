// SPDX-License-Identifier: GPL-2.0-or-later
#include "mount/options.hpp"

#include "mount/fuse_options.hpp"
#include "mount/option_table.hpp"

#include <charconv>
#include <cstring>

namespace gm::mount {
namespace {

constexpr std::size_t kLeastCache = 4; // MiB
constexpr std::size_t kMostCache = 65536;

// Everything that the rows of the table write to.
struct Parsing {
    CommandLine line;
    std::optional<std::string> format;  // for the drives that follow
    std::optional<unsigned> block_size; // the same
    const char* dangling = nullptr;     // a --format or --blocksize that no drive followed yet
    std::optional<bool> read_only;
    std::vector<std::string> unsupported;
};

Result<void> set_block_size(Parsing& parsing, const char* value)
{
    parsing.dangling = "--blocksize";
    if (value == nullptr || *value == '\0') {
        parsing.block_size.reset();
        return {};
    }
    const std::string_view text = value;
    if (text != "512" && text != "4096") {
        return make_error(EINVAL, "--blocksize: '{}' is neither 512 nor 4096", text);
    }
    parsing.block_size = text == "512" ? 512 : 4096;
    return {};
}

Result<void> add_drive(Parsing& parsing, const char* value)
{
    if (*value == '\0') {
        return make_error(EINVAL, "-a: the name of the disk image is empty");
    }
    Drive drive;
    drive.source = value;
    drive.format = parsing.format.value_or("");
    drive.block_size = parsing.block_size;
    parsing.line.options.drives.push_back(std::move(drive));
    parsing.dangling = nullptr;
    return {};
}

Result<void> add_domain(Parsing& parsing, const char* value)
{
    if (*value == '\0') {
        return make_error(EINVAL, "-d: the name of the domain is empty");
    }
    auto& options = parsing.line.options;
    options.domains.push_back({.name = value, .position = options.drives.size()});
    return {};
}

// In MiB.
Result<std::size_t> parse_cache_size(const char* value)
{
    std::size_t number = 0;
    const char* end = value + std::strlen(value);
    const auto [stop, error] = std::from_chars(value, end, number);
    if (error != std::errc{} || stop != end || number < kLeastCache || number > kMostCache) {
        return make_error(EINVAL, "--cache-size: '{}' is not a number of MiB from {} to {}", value, kLeastCache,
                          kMostCache);
    }
    return number << 20;
}

Result<void> check_number(const char* option, const char* value)
{
    long number = 0;
    const char* end = value + std::strlen(value);
    const auto [stop, error] = std::from_chars(value, end, number);
    if (error != std::errc{} || stop != end) {
        return make_error(EINVAL, "{}: '{}' is not a number", option, value);
    }
    return {};
}

std::vector<OptionRow> rows(Parsing& parsing)
{
    Options& options = parsing.line.options;
    const auto set = [](bool& flag) {
        return [&flag](const char*) -> Result<void> {
            flag = true;
            return {};
        };
    };
    const auto act = [&parsing](Action action) {
        return [&parsing, action](const char*) -> Result<void> {
            parsing.line.action = action;
            return {};
        };
    };
    const auto accept = [](const char*) -> Result<void> { return {}; };
    const auto later = [&parsing](const char* name) {
        return [&parsing, name](const char*) -> Result<void> {
            parsing.unsupported.emplace_back(name);
            return {};
        };
    };
    constexpr auto nothing = Takes::nothing;
    constexpr auto value = Takes::value;
    constexpr auto optional = Takes::optional_value;
    return {
        {"add", 'a', value, "FILE|URI", "add a disk image; the first is /dev/sda, the next /dev/sdb ...",
         [&parsing](const char* v) { return add_drive(parsing, v); }},
        {"all", 0, nothing, "", "mount every file system that opens, each in its own folder", set(options.all)},
        {"blocksize", 0, optional, "512|4096", "sector size of the disks added after this",
         [&parsing](const char* v) { return set_block_size(parsing, v); }},
        {"cache-size", 0, value, "MIB", "memory for all caches together (default 64)",
         [&options](const char* v) -> Result<void> {
             options.cache_size = GM_TRY(parse_cache_size(v));
             return {};
         }},
        {"connect", 'c', value, "URI", "libvirt connection for -d",
         [&options](const char* v) -> Result<void> {
             options.connection = v;
             return {};
         }},
        {"dir-cache-timeout", 0, value, "SECONDS", "accepted; the kernel keeps what it knows as long as it is true",
         [](const char* v) { return check_number("--dir-cache-timeout", v); }},
        {"domain", 'd', value, "NAME|UUID", "add the disks of a libvirt domain",
         [&parsing](const char* v) { return add_domain(parsing, v); }},
        {"echo-keys", 0, nothing, "", "show passphrases while they are typed", set(options.echo_keys)},
        {"fd", 0, value, "FD", "write a zero byte to this descriptor when the mount is ready",
         [&options](const char* v) -> Result<void> {
             options.ready_fd = GM_TRY(parse_descriptor("--fd", v));
             return {};
         }},
        {"format", 0, optional, "raw|qcow2|...", "format of the disks added after this; empty: detect it",
         [&parsing](const char* v) -> Result<void> {
             parsing.format = v == nullptr ? "" : v;
             parsing.dangling = "--format";
             return {};
         }},
        {"fuse-help", 0, nothing, "", "list the options for -o", act(Action::fuse_help)},
        {"help", 0, nothing, "", "show this text", act(Action::help)},
        {"inspector", 'i', nothing, "", "find the operating system and mount all of it", set(options.inspect)},
        {"json", 0, nothing, "", "with --list: print JSON", set(options.json)},
        {"key", 0, value, "ID:key:STRING|ID:file:FILE", "a key of an encrypted volume",
         [&options](const char* v) -> Result<void> {
             options.keys.push_back(GM_TRY(VolumeKey::parse(v)));
             return {};
         }},
        {"keys-from-stdin", 0, nothing, "", "read keys from standard input, one a line", set(options.keys_from_stdin)},
        {"list", 0, nothing, "", "list what is on the disks instead of mounting", act(Action::list)},
        {"live", 0, nothing, "", "attach to a running domain", later("--live")},
        {"long-options", 0, nothing, "", "list the long options", act(Action::long_options)},
        {"mount", 'm', value, "DEV[:MNT[:OPTS[:TYPE]]]", "mount this device of the guest at MNT (default /)",
         [&options](const char* v) -> Result<void> {
             options.mounts.push_back(GM_TRY(MountSpec::parse(v)));
             return {};
         }},
        {"no-fork", 0, nothing, "", "stay in the foreground", set(options.no_fork)},
        {"no-sync", 'n', nothing, "", "accepted; unmounting always leaves complete file systems", accept},
        {"option", 'o', value, "OPTION", "an option of the mount; see --fuse-help",
         [&options](const char* v) -> Result<void> {
             options.fuse_options += options.fuse_options.empty() ? "" : ",";
             options.fuse_options += v;
             return {};
         }},
        {"pid-file", 0, value, "FILE", "write the process number of the mount to this file",
         [&options](const char* v) -> Result<void> {
             options.pid_file = v;
             return {};
         }},
        {"ro", 'r', nothing, "", "mount read-only; the disk image is never changed",
         [&parsing](const char*) -> Result<void> {
             parsing.read_only = true;
             return {};
         }},
        {"root", 0, value, "DEVICE", "with -i: the system on this device, when there are several",
         [&options](const char* v) -> Result<void> {
             options.inspect = true;
             options.root = v;
             return {};
         }},
        {"rw", 'w', nothing, "", "mount writable",
         [&parsing](const char*) -> Result<void> {
             parsing.read_only = false;
             return {};
         }},
        {"selinux", 0, nothing, "", "accepted; nothing to do", accept},
        {"short-options", 0, nothing, "", "list the short options", act(Action::short_options)},
        {"trace", 'x', nothing, "", "show every operation and call with its time; implies --no-fork",
         set(options.trace)},
        {"verbose", 'v', nothing, "", "show what happens, and the appliance's messages", set(options.verbose)},
        {"version", 'V', nothing, "", "show the version", act(Action::version)},
    };
}

bool set_to_one(const Environment& environment, const char* name)
{
    const char* value = environment(name);
    return value != nullptr && std::string_view(value) == "1";
}

Result<void> check_backend(const Environment& environment)
{
    const char* value = environment("LIBGUESTFS_BACKEND");
    const std::string_view backend = value == nullptr ? "" : value;
    if (backend.empty() || backend == "direct" || backend == "appliance") {
        return {};
    }
    if (backend == "libvirt" || backend.starts_with("libvirt:") || backend.starts_with("unix:")) {
        return make_error(EINVAL, "LIBGUESTFS_BACKEND={}: not supported yet; leave it unset, or set it to direct",
                          backend);
    }
    return make_error(EINVAL, "LIBGUESTFS_BACKEND={}: no such backend", backend);
}

Result<void> check(Parsing& parsing, const std::vector<std::string>& others, const Environment& environment)
{
    Options& options = parsing.line.options;
    if (parsing.dangling != nullptr) {
        return make_error(EINVAL, "{} must come before the -a that it is for", parsing.dangling);
    }
    if (!parsing.unsupported.empty()) {
        return make_error(ENOSYS, "option {}: not supported yet", parsing.unsupported.front());
    }
    GM_TRY(check_backend(environment));
    if (options.drives.empty() && options.domains.empty()) {
        return make_error(EINVAL, "no disk image: name one with -a, or a libvirt domain with -d");
    }
    constexpr std::size_t kMaxDrives = 255;
    if (options.drives.size() > kMaxDrives) {
        return make_error(EINVAL, "{} disks: at most {} can be added", options.drives.size(), kMaxDrives);
    }
    const bool list = parsing.line.action == Action::list;
    if (options.json && !list) {
        return make_error(EINVAL, "--json: only with --list");
    }
    if (list) {
        return others.empty() ? Result<void>{}
                              : make_error(EINVAL, "'{}': --list mounts nothing and takes no mountpoint", others[0]);
    }
    if (options.all && !options.mounts.empty()) {
        return make_error(EINVAL, "--all mounts everything: give it without -m");
    }
    if (options.inspect && (options.all || !options.mounts.empty())) {
        return make_error(EINVAL, "-i mounts an operating system: give it without {}", options.all ? "--all" : "-m");
    }
    if (options.mounts.empty() && !options.all && !options.inspect) {
        return make_error(EINVAL, "nothing to mount: give -i for the operating system, name a device of the guest with "
                                  "-m, such as -m /dev/sda1, or give --all; --list shows what there is");
    }
    if (others.empty()) {
        return make_error(EINVAL, "no mountpoint: name a folder at the end of the command");
    }
    if (others.size() > 1) {
        return make_error(EINVAL, "'{}': only one mountpoint can be given ('{}')", others[1], others[0]);
    }
    options.mountpoint = others[0];
    const auto fuse = GM_TRY(FuseOptions::parse(options.fuse_options));
    parsing.read_only = parsing.read_only ? parsing.read_only : fuse.read_only;
    options.trace = options.trace || fuse.debug;
    return {};
}

} // namespace

Result<MountSpec> MountSpec::parse(const std::string& text)
{
    // The one kind of device with a colon in its name.
    const std::string_view subvolume = "btrfsvol:";
    std::size_t at = text.find(':', text.starts_with(subvolume) ? subvolume.size() : 0);
    MountSpec spec;
    spec.device = text.substr(0, at);
    std::string* const parts[] = {&spec.mountpoint, &spec.options, &spec.type};
    for (auto* part : parts) {
        if (at == std::string::npos) {
            break;
        }
        const auto end = part == &spec.type ? std::string::npos : text.find(':', at + 1);
        *part = text.substr(at + 1, end == std::string::npos ? end : end - at - 1);
        at = end;
    }
    if (spec.mountpoint.empty()) {
        spec.mountpoint = "/";
    }
    if (spec.device.empty()) {
        return make_error(EINVAL, "-m {}: no device; it looks like -m /dev/sda1, or -m /dev/sda1:/boot", text);
    }
    if (!spec.mountpoint.starts_with('/')) {
        return make_error(EINVAL, "-m {}: the mountpoint '{}' does not begin with '/'", text, spec.mountpoint);
    }
    return spec;
}

Result<CommandLine> parse_command_line(std::vector<std::string> arguments, bool read_only,
                                       const Environment& environment)
{
    Parsing parsing;
    const auto table = rows(parsing);
    const auto others = GM_TRY(apply_options(table, std::move(arguments)));
    if (parsing.line.action != Action::mount && parsing.line.action != Action::list) {
        return std::move(parsing.line);
    }
    Options& options = parsing.line.options;
    GM_TRY(check(parsing, others, environment));
    options.read_only = parsing.line.action == Action::list || parsing.read_only.value_or(read_only);
    for (auto& drive : options.drives) {
        drive.read_only = options.read_only;
    }
    options.verbose = options.verbose || set_to_one(environment, "LIBGUESTFS_DEBUG");
    options.no_fork = options.no_fork || options.trace;
    options.trace = options.trace || set_to_one(environment, "LIBGUESTFS_TRACE");
    return std::move(parsing.line);
}

std::string help_text()
{
    Parsing parsing;
    return "Usage: guestmount [OPTION]... -a IMAGE -m DEVICE MOUNTPOINT\n"
           "Mount the file systems inside a virtual machine's disk image on a folder.\n\n"
           "  guestmount --list -a disk.img\n"
           "  guestmount -a disk.img -m /dev/sda1 --ro /mnt\n"
           "  guestunmount /mnt\n\n" +
           options_help(rows(parsing)) + "\nSee guestmount(1) for what they mean, and for the environment variables.\n";
}

std::string long_options_text()
{
    Parsing parsing;
    return long_options_text(rows(parsing));
}

std::string short_options_text()
{
    Parsing parsing;
    return short_options_text(rows(parsing));
}

} // namespace gm::mount
