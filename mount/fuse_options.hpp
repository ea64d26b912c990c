// SPDX-License-Identifier: GPL-2.0-or-later
//
// What -o can say: options of ours, of the kernel's mount, and names of older FUSE versions that mean nothing any more.
// Values; any thread.
#pragma once

#include "core/base/error.hpp"
#include "mount/attr_view.hpp"

#include <string>
#include <vector>

namespace gm::mount {

struct FuseOptions {
    bool allow_other = false;
    bool allow_root = false;
    bool default_permissions = false; // asked for, or implied by allow_other
    bool ignore_case = false;
    bool debug = false;
    std::optional<bool> read_only; // -o ro, -o rw
    std::string fsname;            // empty: the first disk image
    std::string subtype = "guestmount";
    std::optional<std::uint32_t> max_read;
    std::vector<std::string> mount_flags; // nosuid, noatime ...
    AttrView view;

    // `text` is a list as mount(8) takes it: a backslash takes a comma's meaning away.
    static Result<FuseOptions> parse(const std::string& text);

    // For fusermount3.
    [[nodiscard]] std::string mount_options(bool mount_read_only, const std::string& default_fsname) const;
    // For libfuse.
    [[nodiscard]] std::vector<std::string> library_options() const;
};

} // namespace gm::mount
