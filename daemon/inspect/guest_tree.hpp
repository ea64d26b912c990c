// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The files of a guest's file system while it is inspected. Links of the guest lead to where they lead in the guest and
// never out of it; sizes and counts are bounded, because the guest chose them. Any thread.
#pragma once

#include "core/base/error.hpp"
#include "core/base/unique_fd.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gm::daemon {

class GuestTree {
public:
    // `folder`: the root of the guest's tree, as the daemon sees it.
    static Result<GuestTree> open(const std::string& folder);

    // A name that is there, whatever it is and wherever it may lead. Paths are relative to the root.
    [[nodiscard]] bool has(std::string_view path) const;
    [[nodiscard]] bool has_folder(std::string_view path) const;
    // A regular file of at most kMostBytes; nothing when it is none, or cannot be read.
    [[nodiscard]] std::optional<std::string> read(std::string_view path) const;
    // The first line that is not empty, trimmed and cut to kMostLine.
    [[nodiscard]] std::optional<std::string> first_line(std::string_view path) const;
    // The names in a folder, sorted, the first kMostNames of them.
    [[nodiscard]] std::vector<std::string> names(std::string_view path) const;
    // Windows does not tell upper from lower case: the path of a regular file as it is spelled on the disk, for the
    // daemon, without a link in it.
    [[nodiscard]] std::optional<std::string> find_ignoring_case(std::string_view path) const;

    static constexpr std::size_t kMostBytes = 256 * 1024;
    static constexpr std::size_t kMostLine = 200;
    static constexpr std::size_t kMostNames = 4096;

private:
    GuestTree(std::string folder, UniqueFd root) : folder_(std::move(folder)), root_(std::move(root)) {}
    Result<UniqueFd> open_inside(std::string_view path, int flags) const;

    std::string folder_;
    UniqueFd root_;
};

} // namespace gm::daemon
