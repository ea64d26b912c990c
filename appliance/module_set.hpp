// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The kernel's modules as modules.dep and modules.builtin describe them, and the order in which to load some of them.
// Values; any thread.
#pragma once

#include "core/base/error.hpp"

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace gm::appliance {

// What the list file says: "group word" a line.
struct ModuleLists {
    std::vector<std::string> initrd;          // names, in load order
    std::vector<std::string> at_boot;         // names, in load order
    std::vector<std::string> before_template; // names, in load order
    std::vector<std::string> keep;            // globs over paths; '*' matches '/' too

    static Result<ModuleLists> parse(std::string_view text);
};

class ModuleSet {
public:
    // Of the two files' texts. Paths are as written there, relative to the modules folder.
    static Result<ModuleSet> parse(std::string_view modules_dep, std::string_view modules_builtin);

    // Paths of the named modules and of all that they need, each once, after what it needs. Names the kernel has built
    // in are left out; unknown ones are an error ENOENT when `required`, else left out too.
    [[nodiscard]] Result<std::vector<std::string>> load_order(const std::vector<std::string>& names,
                                                              bool required) const;

    // All paths that match one of the globs, and all that they need.
    [[nodiscard]] std::set<std::string> matching(const std::vector<std::string>& globs) const;

private:
    void add_with_needs(const std::string& path, std::set<std::string>& seen, std::vector<std::string>& order) const;

    std::map<std::string, std::vector<std::string>> needs_; // path to the paths it needs
    std::map<std::string, std::string> path_of_;            // name to path
    std::set<std::string> built_in_;                        // names
};

} // namespace gm::appliance
