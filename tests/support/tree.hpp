// SPDX-License-Identifier: GPL-2.0-or-later
//
// A whole file tree as a value, and what differs between two. Read through descriptors, so that names may hold any
// bytes and paths may be longer than PATH_MAX. Values; a scan may run in any thread.
#pragma once

#include "core/base/error.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <sys/stat.h>
#include <vector>

namespace gm::test {

struct TreeEntry {
    struct stat status = {};
    std::string link_target;                   // symbolic links
    std::map<std::string, std::string> xattrs; // of everything, links included
    std::uint64_t content_hash = 0;            // regular files
    std::vector<std::pair<off_t, off_t>> data; // regular files: start and end of what SEEK_DATA and SEEK_HOLE tell
};

struct ScanOptions {
    bool contents = true;
    bool xattrs = true;
    bool holes = false;
};

// Path relative to the root ("" is the root itself) to entry.
using Tree = std::map<std::string, TreeEntry>;
// Every object below the folder that is on the same device as it; an error names the path.
Result<Tree> scan_tree(const std::string& folder, const ScanOptions& options = {});

struct CompareOptions {
    bool owners_and_modes = true;
    bool times = true;         // modification time, to the nanosecond
    bool change_times = false; // status change time too
    bool links = true;         // link counts, and which names are one file
    bool folder_links = true;  // link counts of folders
    bool inodes = true;        // inode numbers
    bool blocks = true;        // allocated blocks
    bool folder_sizes = true;
    bool xattrs = true;
};
// One line per difference, at most 40, empty when the trees are the same.
std::vector<std::string> differences(const Tree& expected, const Tree& found, const CompareOptions& options = {});

// The name with every byte that is not plain ASCII as \xNN.
std::string printable(std::string_view name);

} // namespace gm::test
