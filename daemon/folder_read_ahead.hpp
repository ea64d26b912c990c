// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Reads the neighbourhood of a folder's first block into the guest's cache before the folder is listed. ext2, ext3 and
// ext4 read folders block by block, and put those of a tree close together: one request of the drive serves many
// folders. Gives up on a file system where it does not. Any thread.
#pragma once

#include "core/base/guarded.hpp"
#include "core/base/unique_fd.hpp"

#include <cstdint>
#include <map>
#include <unordered_set>

namespace gm::daemon {

class FolderReadAhead {
public:
    static constexpr std::uint64_t kWindow = 256 << 10; // bytes, aligned to itself

    // `folder` is open for reading and about to be listed from its beginning; `device` is its st_dev. Does not wait for
    // the drive. Other file systems and errors are passed over.
    void before_listing(int folder, std::uint64_t device);
    // Lets go of the devices: before they are unmounted.
    void clear();

private:
    static constexpr unsigned kMaxInVain = 16;       // windows in a row that served one folder
    static constexpr std::size_t kMaxWindows = 8192; // remembered: 2 GiB

    struct Device {
        UniqueFd fd; // invalid: not to be read ahead
        std::unordered_set<std::uint64_t> windows;
        unsigned in_vain = 0;
    };

    Guarded<std::map<std::uint64_t, Device>> devices_; // level: leaf
};

} // namespace gm::daemon
