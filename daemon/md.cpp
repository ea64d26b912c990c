// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/md.hpp"

#include "core/base/log.hpp"
#include "core/base/syscall.hpp"
#include "daemon/run_tool.hpp"
#include "daemon/sysfs.hpp"

#include <algorithm>
#include <fcntl.h>
#include <linux/fs.h>
#include <map>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace gm::daemon {
namespace {

constexpr unsigned kFirstNumber = 127;
constexpr const char* kNames = "/dev/md"; // folder

struct Raid {
    std::string name;
    std::vector<const StackMember*> members;
};

std::optional<std::string> free_device()
{
    for (unsigned number = kFirstNumber + 1; number-- > 0;) {
        const std::string name = fmt::format("md{}", number);
        struct stat status;
        if (::access(("/sys/block/" + name).c_str(), F_OK) == -1 && ::lstat(("/dev/" + name).c_str(), &status) == -1) {
            return name;
        }
    }
    return std::nullopt;
}

void write_setting(const std::string& path, std::string_view value)
{
    const auto fd = open_file(path, O_WRONLY);
    if (fd.ok()) {
        static_cast<void>(write_all(fd->get(), std::as_bytes(std::span{value})).ok());
    }
}

void read_partitions(const std::string& device)
{
    const auto fd = open_file("/dev/" + device, O_RDONLY);
    if (fd.ok()) {
        ::ioctl(fd->get(), BLKRRPART);
    }
}

// Never in place of something that is there.
void link_name(const std::string& target, const std::string& name)
{
    [[maybe_unused]] const int ignored = ::symlink(target.c_str(), name.c_str());
}

void link_names(const std::string& device, const std::string& name)
{
    ::mkdir(kNames, 0755);
    link_name("../" + device, fmt::format("{}/{}", kNames, name));
    const bool numbered = std::ranges::all_of(name, [](char c) { return c >= '0' && c <= '9'; });
    if (!numbered) {
        return;
    }
    link_name(device, "/dev/md" + name);
    for (const auto& entry : sysfs_names("/sys/block/" + device)) {
        if (entry.starts_with(device + "p")) {
            link_name(entry, "/dev/md" + name + entry.substr(device.size()));
        }
    }
}

std::string list_of(const std::vector<const StackMember*>& members)
{
    std::string text;
    for (const auto* member : members) {
        text += (text.empty() ? "" : ", ") + member->name;
    }
    return text;
}

Result<void> assemble(const Raid& raid, bool read_only)
{
    const auto device = free_device();
    if (!device) {
        return make_error(ENFILE, "too many RAIDs");
    }
    const char* const value = read_only ? "1" : "0";
    write_setting("/sys/module/md_mod/parameters/start_ro", value);
    write_setting("/sys/module/md_mod/parameters/start_dirty_degraded", value);
    std::vector<std::string> argv{"mdadm", "--assemble", "--run", "--quiet", "--config=none", "/dev/" + *device};
    for (const auto* member : raid.members) {
        argv.push_back(member->path);
    }
    GM_TRY(run_tool(std::move(argv)));
    if (read_only) {
        write_setting(fmt::format("/sys/block/{}/md/sync_action", *device), "frozen");
    }
    read_partitions(*device);
    if (!raid.name.empty()) {
        link_names(*device, raid.name);
    }
    return {};
}

} // namespace

std::string raid_name(std::string_view label)
{
    const auto name = label.substr(label.find(':') + 1); // all of it when there is none
    const bool fit = !name.empty() && name.size() <= 64 && name.front() != '.' && std::ranges::all_of(name, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               std::string_view{"-_.+"}.find(c) != std::string_view::npos;
    });
    return fit ? std::string{name} : "";
}

std::vector<std::string> raid_aliases(const std::string& kernel_name)
{
    std::vector<std::string> aliases;
    for (const std::string folder : {"/dev", kNames}) {
        for (const auto& name : sysfs_names(folder)) {
            char target[256];
            const std::string path = folder + "/" + name;
            const auto got = ::readlink(path.c_str(), target, sizeof target);
            const std::string_view text{target, static_cast<std::size_t>(std::max<ssize_t>(got, 0))};
            if (got > 0 && text.substr(text.rfind('/') + 1) == kernel_name) {
                aliases.push_back(path);
            }
        }
    }
    return aliases;
}

void Raids::start(const std::vector<StackMember>& members, bool read_only)
{
    std::map<std::string, Raid> raids; // by UUID
    for (const auto& member : members) {
        if (member.content.type == "linux_raid_member" && !tried_.contains(member.content.uuid)) {
            auto& raid = raids[member.content.uuid];
            raid.name = raid_name(member.content.label);
            raid.members.push_back(&member);
        }
    }
    for (const auto& [uuid, raid] : raids) {
        tried_.insert(uuid);
        const auto started = assemble(raid, read_only);
        if (!started.ok()) {
            problems_.push_back(
                fmt::format("the RAID of {} cannot be started ({})", list_of(raid.members), started.error().text));
        }
    }
}

void Raids::forget()
{
    tried_.clear();
    problems_.clear();
}

} // namespace gm::daemon
