// SPDX-License-Identifier: LGPL-2.1-or-later
#include "appliance/module_set.hpp"

#include <algorithm>
#include <fnmatch.h>
#include <sstream>

namespace gm::appliance {
namespace {

// "kernel/fs/ext4/ext4.ko.xz" is module ext4; '-' and '_' are the same in module names.
std::string module_name(std::string_view path)
{
    auto name = path.substr(path.rfind('/') + 1);
    name = name.substr(0, name.find(".ko"));
    std::string normal{name};
    std::replace(normal.begin(), normal.end(), '-', '_');
    return normal;
}

} // namespace

Result<ModuleLists> ModuleLists::parse(std::string_view text)
{
    ModuleLists lists;
    std::istringstream lines{std::string{text}};
    std::string group;
    std::string word;
    while (lines >> group >> word) {
        if (group == "initrd") {
            lists.initrd.push_back(word);
        } else if (group == "boot") {
            lists.at_boot.push_back(word);
        } else if (group == "template") {
            lists.before_template.push_back(word);
        } else if (group == "keep") {
            lists.keep.push_back(word);
        } else {
            return make_error(EINVAL, "list of kernel modules: unknown group '{}'", group);
        }
    }
    return lists;
}

Result<ModuleSet> ModuleSet::parse(std::string_view modules_dep, std::string_view modules_builtin)
{
    ModuleSet set;
    std::istringstream lines{std::string{modules_dep}};
    for (std::string line; std::getline(lines, line);) {
        const auto colon = line.find(':');
        if (colon == std::string::npos) {
            return make_error(EINVAL, "modules.dep: no colon in '{}'", line);
        }
        const std::string path = line.substr(0, colon);
        std::istringstream words{line.substr(colon + 1)};
        auto& needs = set.needs_[path];
        for (std::string word; words >> word;) {
            needs.push_back(word);
        }
        set.path_of_[module_name(path)] = path;
    }
    std::istringstream built_in{std::string{modules_builtin}};
    for (std::string path; built_in >> path;) {
        set.built_in_.insert(module_name(path));
    }
    return set;
}

void ModuleSet::add_with_needs(const std::string& path, std::set<std::string>& seen,
                               std::vector<std::string>& order) const
{
    if (!seen.insert(path).second) { // also ends a circle, which a sound modules.dep does not have
        return;
    }
    const auto found = needs_.find(path);
    if (found != needs_.end()) {
        for (const auto& need : found->second) {
            add_with_needs(need, seen, order);
        }
    }
    order.push_back(path);
}

Result<std::vector<std::string>> ModuleSet::load_order(const std::vector<std::string>& names, bool required) const
{
    std::set<std::string> seen;
    std::vector<std::string> order;
    for (const auto& name : names) {
        const std::string normal = module_name(name);
        const auto path = path_of_.find(normal);
        if (path != path_of_.end()) {
            add_with_needs(path->second, seen, order);
        } else if (required && !built_in_.contains(normal)) {
            return make_error(ENOENT, "the kernel has no module '{}'", name);
        }
    }
    return order;
}

std::set<std::string> ModuleSet::matching(const std::vector<std::string>& globs) const
{
    std::set<std::string> seen;
    std::vector<std::string> order;
    for (const auto& [path, needs] : needs_) {
        const bool wanted = std::any_of(globs.begin(), globs.end(), [&path = path](const std::string& glob) {
            return ::fnmatch(glob.c_str(), path.c_str(), 0) == 0;
        });
        if (wanted) {
            add_with_needs(path, seen, order);
        }
    }
    return seen;
}

} // namespace gm::appliance
