// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/volumes.hpp"

#include "core/base/log.hpp"
#include "core/base/syscall.hpp"
#include "daemon/device_mapper.hpp"
#include "daemon/luks.hpp"
#include "daemon/luks_header.hpp"
#include "daemon/sysfs.hpp"

#include <algorithm>
#include <fcntl.h>
#include <linux/major.h>
#include <linux/raid/md_u.h>
#include <map>
#include <sys/ioctl.h>
#include <unistd.h>

namespace gm::daemon {
namespace {

constexpr int kMostLayers = 16; // of devices on each other; each round finds at least one more
constexpr std::string_view kSubvolume = "btrfsvol:";

bool is_member(const BlockContent& content)
{
    return content.type == "LVM2_member" || content.type == "linux_raid_member" || !encryption_of(content).empty();
}

bool is_built(const std::string& name)
{
    // A RAID that was stopped may stay for a while, without a level.
    return name.starts_with("dm-") ||
           (name.starts_with("md") && !sysfs_text("/sys/block/" + name + "/md/level").value_or("").empty());
}

bool has_holders(const std::string& name)
{
    const std::string folder = "/sys/block/" + name;
    const auto holds = [](const std::string& part) { return !sysfs_names(part + "/holders").empty(); };
    const auto entries = sysfs_names(folder);
    return holds(folder) || std::ranges::any_of(entries, [&](const std::string& entry) {
               return entry.starts_with(name) && holds(folder + "/" + entry); // a partition
           });
}

Result<void> stop_raid(const std::string& name)
{
    const UniqueFd device = GM_TRY(open_file("/dev/" + name, O_RDONLY));
    GM_TRY(sys([&] { return ::ioctl(device.get(), STOP_ARRAY, nullptr); },
               [&] { return fmt::format("stop '/dev/{}'", name); }));
    return {};
}

} // namespace

std::vector<StackMember> Volumes::members(const std::stop_token& stop)
{
    std::vector<StackMember> found;
    const auto devices = devices_.list();
    for (const auto& device : devices) {
        if (stop.stop_requested()) {
            break;
        }
        const auto path = devices_.kernel_path(device.name);
        const auto content = path.ok() ? probe(*path) : Result<BlockContent>{Error{path.error()}};
        if (!content.ok()) {
            log_debug("{}", content.error().text);
        } else if (is_member(*content)) {
            found.push_back({.name = device.name, .path = *path, .content = *content});
        }
    }
    return found;
}

std::vector<rpc::EncryptedVolume> Volumes::encrypted(const std::vector<StackMember>& members)
{
    std::vector<rpc::EncryptedVolume> volumes;
    std::map<std::string, std::size_t> same;
    for (const auto& member : members) {
        const std::string kind = encryption_of(member.content);
        if (kind.empty()) {
            continue;
        }
        const std::string mapping = mapping_name(member.content, same[member.content.uuid]++);
        rpc::EncryptedVolume volume{
            .device = member.name, .names = {}, .uuid = member.content.uuid, .kind = kind, .opened = {}};
        volume.names = devices_.all_names(member.name);
        volume.names.push_back("/dev/mapper/" + mapping);
        volume.names.push_back(mapping);
        if (devices_.opened_content(member.path)) {
            volume.opened = "/dev/mapper/" + mapping;
        }
        volumes.push_back(std::move(volume));
    }
    return volumes;
}

rpc::ActivateVolumes::Reply Volumes::activate(bool read_only, const std::stop_token& stop)
{
    rpc::ActivateVolumes::Reply reply;
    if (!ours_) {
        return reply;
    }
    state_.with([&](State& state) {
        state.started = true;
        for (int layer = 0; layer < kMostLayers && !stop.stop_requested(); ++layer) {
            const auto found = members(stop);
            const auto before = devices_.list().size();
            state.raids.start(found, read_only);
            state.groups.activate(found);
            reply.encrypted = encrypted(found);
            if (devices_.list().size() == before) {
                break;
            }
        }
        reply.problems = state.raids.problems();
        const auto& groups = state.groups.problems();
        reply.problems.insert(reply.problems.end(), groups.begin(), groups.end());
    });
    return reply;
}

void Volumes::look_for(const std::string& user_name, bool read_only, const std::stop_token& stop)
{
    std::string_view name = user_name;
    const bool subvolume = name.starts_with(kSubvolume);
    name.remove_prefix(subvolume ? kSubvolume.size() : 0);
    // Of a subvolume's name nobody can tell yet where the device's ends; a drive's name has no second slash.
    const std::string device{subvolume ? name.substr(0, name.find('/', std::string_view{"/dev/"}.size())) : name};
    if (!parse_drive_name(device) && (subvolume || !devices_.kernel_path(device).ok())) {
        static_cast<void>(activate(read_only, stop));
    }
}

Result<rpc::ReadKeyslot::Reply> Volumes::read_keyslot(const std::string& user_name, std::uint32_t index)
{
    const std::string path = GM_TRY(devices_.kernel_path(user_name));
    auto header = GM_TRY(read_luks_header(path));
    if (index >= header.keyslots.size()) {
        return make_error(ENOENT, "'{}' has {} keyslots", user_name, header.keyslots.size());
    }
    auto& slot = header.keyslots[index];
    rpc::ReadKeyslot::Reply reply{.count = static_cast<std::uint32_t>(header.keyslots.size()),
                                  .keyslot = std::move(slot.keyslot),
                                  .area = rpc::Bulk::allocate(slot.area_size)};
    const UniqueFd device = GM_TRY(open_file(path, O_RDONLY));
    const auto area = reply.area.writable();
    const auto got = GM_TRY(
        sys([&] { return ::pread(device.get(), area.data(), area.size(), static_cast<off_t>(slot.area_offset)); },
            [&] { return fmt::format("read a keyslot of '{}'", user_name); }));
    if (static_cast<std::size_t>(got) != area.size()) {
        return make_error(EOPNOTSUPP, "a keyslot of '{}' ends beyond it", user_name);
    }
    return reply;
}

Result<std::string> Volumes::open(const std::string& user_name, std::string_view key, bool is_volume_key)
{
    if (!ours_) {
        return make_error(EOPNOTSUPP, "open '{}': not outside the appliance", user_name);
    }
    const std::string path = GM_TRY(devices_.kernel_path(user_name));
    return state_.with([&](State& state) -> Result<std::string> {
        state.started = true;
        const auto found = members({});
        const auto member =
            std::ranges::find_if(found, [&](const auto& m) { return m.path == path || m.name == user_name; });
        if (member == found.end() || encryption_of(member->content).empty()) {
            return make_error(EINVAL, "open '{}': it is not encrypted", user_name);
        }
        const auto same = std::count_if(found.begin(), member, [&](const auto& m) {
            return m.content.uuid == member->content.uuid && !encryption_of(m.content).empty();
        });
        const std::string mapping = mapping_name(member->content, static_cast<std::size_t>(same));
        if (!devices_.opened_content(path)) {
            auto opened = is_volume_key ? open_by_volume_key(path, member->content, mapping, key)
                                        : open_encrypted(path, member->content, mapping, key);
            if (!opened.ok()) {
                return with_context(opened.take_error(), fmt::format("open '{}'", user_name));
            }
        }
        return "/dev/mapper/" + mapping;
    });
}

Result<void> Volumes::stop_all()
{
    return state_.with([&](State& state) -> Result<void> {
        if (!state.started) {
            return {};
        }
        state.raids.forget();
        state.groups.forget();
        for (;;) {
            std::vector<std::string> built;
            for (auto& name : sysfs_names("/sys/block")) {
                if (is_built(name)) {
                    built.push_back(std::move(name));
                }
            }
            if (built.empty()) {
                state.started = false;
                return {};
            }
            std::size_t stopped = 0;
            Error last = make_error(EBUSY, "'{}' is in use", devices_.user_name(built.front()));
            for (const auto& name : built) {
                if (has_holders(name)) {
                    continue;
                }
                auto outcome = name.starts_with("dm-")
                                   ? remove_mapping(sysfs_text("/sys/block/" + name + "/dm/name").value_or(name))
                                   : stop_raid(name);
                if (outcome.ok()) {
                    ++stopped;
                } else {
                    last = outcome.take_error();
                }
            }
            if (stopped == 0) {
                return last;
            }
        }
    });
}

} // namespace gm::daemon
