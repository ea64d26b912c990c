// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The path of a descriptor, for system calls that take nothing else. The path leads to the object itself: a symbolic
// link held by an O_PATH descriptor is not followed any further.
#pragma once

#include <charconv>
#include <cstring>
#include <string_view>

namespace gm::daemon {

class ProcPath {
public:
    // With a leaf: that name below the folder. Links of that name are for the call to follow or not.
    explicit ProcPath(int fd, std::string_view leaf = {})
    {
        constexpr std::string_view prefix = "/proc/self/fd/";
        std::memcpy(text_, prefix.data(), prefix.size());
        char* end = std::to_chars(text_ + prefix.size(), text_ + kFdPart, fd).ptr;
        if (!leaf.empty()) {
            *end++ = '/';
            copy_leaf(end, leaf);
        } else {
            *end = '\0';
        }
    }
    // Not of a descriptor, but a name as it is: for callers that have either.
    explicit ProcPath(const char* name) { copy_leaf(text_, name); }
    [[nodiscard]] const char* c_str() const { return text_; }

private:
    static void copy_leaf(char* into, std::string_view leaf)
    {
        leaf = leaf.substr(0, kLeafPart); // longer than any name of a file system: ENAMETOOLONG
        std::memcpy(into, leaf.data(), leaf.size());
        into[leaf.size()] = '\0';
    }

    static constexpr std::size_t kFdPart = 32;
    static constexpr std::size_t kLeafPart = 1023;
    char text_[kFdPart + 1 + kLeafPart + 1];
};

} // namespace gm::daemon
