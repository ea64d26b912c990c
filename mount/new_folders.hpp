// SPDX-License-Identifier: GPL-2.0-or-later
//
// Folders that this mount made, whose names it therefore knows: that another one is not there needs no call. Bounded;
// what is not remembered is not known. Any thread.
#pragma once

#include "core/base/guarded.hpp"
#include "mount/inode_table.hpp"

#include <algorithm>
#include <list>
#include <string>
#include <unordered_set>

namespace gm::mount {

class NewFolders {
public:
    // An empty folder that finds names of ASCII by their very bytes only.
    void made(InodeId folder)
    {
        state_.with([&](auto& folders) {
            folders.push_front({folder, {}});
            if (folders.size() > kMaxFolders) {
                folders.pop_back();
            }
        });
    }
    // A name may be there from now on: before the call that adds it.
    void added(InodeId folder, std::string_view name)
    {
        state_.with([&](auto& folders) {
            const auto found = find(folders, folder);
            if (found != folders.end()) {
                found->names.insert(std::string(name));
                if (found->names.size() > kMaxNames) {
                    folders.erase(found);
                }
            }
        });
    }
    void gone(InodeId folder)
    {
        state_.with(
            [&](auto& folders) { std::erase_if(folders, [&](const auto& each) { return each.id == folder; }); });
    }
    // Whether a name is certainly not there.
    [[nodiscard]] bool lacks(InodeId folder, std::string_view name)
    {
        constexpr std::size_t kUsualLength = 255; // of a longer one it depends on the file system what is answered
        const auto is_ascii = [](char c) { return static_cast<unsigned char>(c) < 0x80; };
        if (name.size() > kUsualLength || !std::ranges::all_of(name, is_ascii)) {
            return false;
        }
        return state_.with([&](auto& folders) {
            const auto found = find(folders, folder);
            if (found == folders.end()) {
                return false;
            }
            folders.splice(folders.begin(), folders, found);
            return !found->names.contains(std::string(name));
        });
    }

private:
    static constexpr std::size_t kMaxFolders = 64;
    static constexpr std::size_t kMaxNames = 4096; // of one

    struct Folder {
        InodeId id;
        std::unordered_set<std::string> names; // some may be gone again
    };
    using Folders = std::list<Folder>; // used last first

    static Folders::iterator find(Folders& folders, InodeId id) { return std::ranges::find(folders, id, &Folder::id); }

    Guarded<Folders> state_; // level: leaf
};

} // namespace gm::mount
