// SPDX-License-Identifier: GPL-2.0-or-later
#include "mount/fuse_options.hpp"

#include "mount/options.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>

namespace gm::mount {
namespace {

using Name = std::string_view;

// Handed to the kernel as they are.
constexpr std::array kMountFlags{Name{"suid"},  Name{"nosuid"},  Name{"dev"},    Name{"nodev"},
                                 Name{"exec"},  Name{"noexec"},  Name{"async"},  Name{"sync"},
                                 Name{"atime"}, Name{"noatime"}, Name{"dirsync"}};

// Taken for what scripts and fstab lines hold, and without effect: what they once tuned is always right here, or gone.
constexpr std::array kWithoutEffect{Name{"auto_unmount"},
                                    Name{"big_writes"},
                                    Name{"nonempty"},
                                    Name{"use_ino"},
                                    Name{"readdir_ino"},
                                    Name{"hard_remove"},
                                    Name{"large_read"},
                                    Name{"direct_io"},
                                    Name{"kernel_cache"},
                                    Name{"auto_cache"},
                                    Name{"noauto_cache"},
                                    Name{"attr_timeout"},
                                    Name{"entry_timeout"},
                                    Name{"negative_timeout"},
                                    Name{"ac_attr_timeout"},
                                    Name{"noforget"},
                                    Name{"remember"},
                                    Name{"intr"},
                                    Name{"intr_signal"},
                                    Name{"async_read"},
                                    Name{"sync_read"},
                                    Name{"atomic_o_trunc"},
                                    Name{"no_remote_lock"},
                                    Name{"no_remote_flock"},
                                    Name{"splice_write"},
                                    Name{"no_splice_write"},
                                    Name{"splice_move"},
                                    Name{"no_splice_move"},
                                    Name{"splice_read"},
                                    Name{"no_splice_read"},
                                    Name{"auto_inval_data"},
                                    Name{"no_auto_inval_data"},
                                    Name{"readdirplus"},
                                    Name{"async_dio"},
                                    Name{"no_async_dio"},
                                    Name{"writeback_cache"},
                                    Name{"max_write"},
                                    Name{"max_readahead"},
                                    Name{"max_background"},
                                    Name{"congestion_threshold"},
                                    Name{"clone_fd"},
                                    Name{"max_idle_threads"},
                                    Name{"max_threads"},
                                    Name{"time_gran"},
                                    Name{"modules"},
                                    Name{"blksize"},
                                    Name{"nopath"},
                                    Name{"nullpath_ok"},
                                    Name{"fuse_version"},
                                    Name{"no_rofd_flush"},
                                    Name{"parallel_direct_writes"},
                                    Name{"no_writeback_cache"},
                                    Name{"no_remote_posix_lock"},
                                    Name{"defaults"},
                                    Name{"auto"},
                                    Name{"noauto"},
                                    Name{"user"},
                                    Name{"users"},
                                    Name{"nouser"},
                                    Name{"nofail"},
                                    Name{"_netdev"},
                                    Name{"relatime"},
                                    Name{"norelatime"}};

template <std::size_t N>
bool has(const std::array<Name, N>& names, std::string_view name)
{
    return std::find(names.begin(), names.end(), name) != names.end();
}

std::vector<std::string> split(std::string_view text)
{
    std::vector<std::string> parts(1);
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '\\' && i + 1 < text.size()) {
            parts.back() += text[++i];
        } else if (text[i] == ',') {
            parts.emplace_back();
        } else {
            parts.back() += text[i];
        }
    }
    std::erase(parts, std::string{});
    return parts;
}

std::string escaped(std::string_view text)
{
    std::string result;
    for (const char c : text) {
        if (c == ',' || c == '\\') {
            result += '\\';
        }
        result += c;
    }
    return result;
}

Result<std::uint32_t> number(std::string_view name, std::string_view value, int base)
{
    std::uint32_t result = 0;
    const auto [stop, error] = std::from_chars(value.data(), value.data() + value.size(), result, base);
    if (error != std::errc{} || stop != value.data() + value.size()) {
        return make_error(EINVAL, "-o {}={}: not a number", name, value);
    }
    return result;
}

Result<void> apply(FuseOptions& options, const std::string& option)
{
    const auto equals = std::min(option.find('='), option.size());
    const auto name = option.substr(0, equals);
    const auto value = equals == option.size() ? std::string{} : option.substr(equals + 1);
    if (name == "allow_other") {
        options.allow_other = true;
    } else if (name == "allow_root") {
        options.allow_root = true;
    } else if (name == "default_permissions") {
        options.default_permissions = true;
    } else if (name == "no_default_permissions") {
        options.default_permissions = false;
    } else if (name == "ignore_case") {
        options.ignore_case = true;
    } else if (name == "debug") {
        options.debug = true;
    } else if (name == "ro" || name == "rw") {
        options.read_only = name == "ro";
    } else if (name == "fsname") {
        options.fsname = value;
    } else if (name == "subtype") {
        options.subtype = value;
    } else if (name == "max_read") {
        options.max_read = GM_TRY(number(name, value, 10));
    } else if (name == "uid") {
        options.view.uid = GM_TRY(number(name, value, 10));
    } else if (name == "gid") {
        options.view.gid = GM_TRY(number(name, value, 10));
    } else if (name == "umask") {
        options.view.umask = GM_TRY(number(name, value, 8));
    } else if (has(kMountFlags, name)) {
        options.mount_flags.push_back(name);
    } else if (!has(kWithoutEffect, name) && !name.starts_with("x-")) {
        return make_error(EINVAL, "-o {}: no such option; see guestmount --fuse-help", name);
    }
    return {};
}

} // namespace

Result<FuseOptions> FuseOptions::parse(const std::string& text)
{
    FuseOptions options;
    const auto parts = split(text);
    // What several users share is guarded by modes and ACLs, unless that is turned off.
    options.default_permissions = std::find(parts.begin(), parts.end(), "allow_other") != parts.end();
    for (const auto& part : parts) {
        GM_TRY(apply(options, part));
    }
    if (options.allow_other && options.allow_root) {
        return make_error(EINVAL, "-o allow_other and -o allow_root exclude each other");
    }
    options.view.shared = options.allow_other;
    return options;
}

std::string FuseOptions::mount_options(bool mount_read_only, const std::string& default_fsname) const
{
    std::string text = mount_read_only ? "ro" : "rw";
    for (const auto& flag : mount_flags) {
        text += "," + flag;
    }
    if (allow_other || allow_root) { // the library turns the others away for allow_root
        text += ",allow_other";
    }
    if (default_permissions) {
        text += ",default_permissions";
    }
    if (max_read) {
        text += fmt::format(",max_read={}", *max_read);
    }
    text += ",fsname=" + escaped(fsname.empty() ? default_fsname : fsname);
    if (!subtype.empty()) {
        text += ",subtype=" + escaped(subtype);
    }
    return text;
}

std::vector<std::string> FuseOptions::library_options() const
{
    std::vector<std::string> options;
    if (allow_root) {
        options.emplace_back("allow_root");
    }
    if (max_read) {
        options.push_back(fmt::format("max_read={}", *max_read));
    }
    return options;
}

std::string fuse_help_text()
{
    return "Options of the mount, for -o (several after each other with commas):\n\n"
           "  allow_other             other users may use the mount; modes and ACLs are enforced\n"
           "  allow_root              root may use the mount as well\n"
           "  default_permissions     modes are enforced on a private mount too\n"
           "  no_default_permissions  modes are not enforced with allow_other\n"
           "  uid=N, gid=N            everything is shown as, and created for, this user and group\n"
           "  umask=M                 permission bits are shown as those that M leaves (octal)\n"
           "  ro, rw                  as --ro and --rw\n"
           "  ignore_case             names are found whatever their case, as on Windows (only with --ro)\n"
           "  fsname=NAME             first column of /proc/mounts (default: the disk image)\n"
           "  subtype=NAME            type of the file system after \"fuse.\" (default: guestmount)\n"
           "  max_read=N              largest read request in bytes\n"
           "  noexec, noatime, suid, nosuid, dev, nodev, sync, dirsync ...  as for mount(8)\n"
           "  debug                   as -x\n\n"
           "Names that FUSE no longer knows (big_writes, nonempty, use_ino, hard_remove ...) are\n"
           "accepted and do nothing; auto_unmount is always the case.\n";
}

} // namespace gm::mount
