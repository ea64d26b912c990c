// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/lvm.hpp"

#include "core/base/log.hpp"
#include "daemon/run_tool.hpp"

#include <algorithm>
#include <charconv>
#include <map>
#include <sstream>

namespace gm::daemon {
namespace {

constexpr std::size_t kMostGroups = 4096;

// "/dev/sda2 and /dev/sdb2 are copies of each other"; empty when there are none.
std::vector<std::string> copies_among(const std::vector<const StackMember*>& physical)
{
    std::map<std::string, std::vector<std::string>> by_uuid;
    for (const auto* member : physical) {
        by_uuid[member->content.uuid].push_back(member->name);
    }
    std::vector<std::string> sentences;
    for (const auto& [uuid, names] : by_uuid) {
        if (names.size() > 1) {
            sentences.push_back(
                fmt::format("{} are copies of the same physical volume of LVM: add only one of their disks",
                            fmt::join(names, " and ")));
        }
    }
    return sentences;
}

} // namespace

std::vector<GroupLine> parse_groups(std::string_view report)
{
    std::vector<GroupLine> groups;
    std::istringstream lines{std::string{report}};
    for (std::string line; std::getline(lines, line) && groups.size() < kMostGroups;) {
        std::istringstream words{line};
        GroupLine group;
        if (words >> group.uuid >> group.missing >> group.name) {
            groups.push_back(std::move(group));
        }
    }
    return groups;
}

void VolumeGroups::activate(const std::vector<StackMember>& members)
{
    std::vector<const StackMember*> physical;
    bool fresh = false;
    for (const auto& member : members) {
        if (member.content.type == "LVM2_member") {
            physical.push_back(&member);
            fresh = seen_.insert(member.path).second || fresh;
        }
    }
    if (!fresh) {
        return;
    }
    problems_ = copies_among(physical);
    const auto report = run_tool({"lvm", "vgs", "--noheadings", "-o", "vg_uuid,vg_missing_pv_count,vg_name"});
    if (!report.ok()) {
        problems_.push_back(fmt::format("the volume groups cannot be read ({})", report.error().text));
        return;
    }
    const auto groups = parse_groups(*report);
    std::vector<std::string> argv{"lvm", "vgchange", "--activate", "y", "--ignoreactivationskip"};
    const std::size_t fixed = argv.size();
    for (const auto& group : groups) {
        const auto same_name = std::ranges::count(groups, group.name, &GroupLine::name);
        if (same_name > 1) {
            const auto text =
                fmt::format("{} volume groups are named '{}': add only one of their disks", same_name, group.name);
            if (std::ranges::find(problems_, text) == problems_.end()) {
                problems_.push_back(text);
            }
            continue;
        }
        if (group.missing > 0) {
            problems_.push_back(fmt::format("{} of the disks of volume group '{}' {} missing: add all of its disks",
                                            group.missing, group.name, group.missing == 1 ? "is" : "are"));
        }
        argv.push_back(group.name);
    }
    if (argv.size() == fixed) {
        return; // without a name it would mean all
    }
    const auto activated = run_tool(std::move(argv));
    if (!activated.ok() && problems_.empty()) {
        problems_.push_back(fmt::format("not all logical volumes can be activated ({})", activated.error().text));
    }
}

void VolumeGroups::forget()
{
    seen_.clear();
    problems_.clear();
}

} // namespace gm::daemon
