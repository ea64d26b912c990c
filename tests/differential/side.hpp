// SPDX-License-Identifier: GPL-2.0-or-later
//
// One of the two folders that are compared: performs operations on it and tells what they answered and what the
// objects look like afterwards, as text that is equal exactly when nobody could tell the difference. One thread.
#pragma once

#include "core/base/unique_fd.hpp"
#include "tests/differential/operation.hpp"

#include <array>
#include <string>
#include <sys/stat.h>

namespace gm::test {

class Side {
public:
    // A new folder NAME below `folder`, which must not exist yet. Aborts when it cannot be made.
    Side(const std::string& folder, const std::string& name, bool folder_sizes);
    Side(const Side&) = delete;
    Side& operator=(const Side&) = delete;
    ~Side(); // removes the folder

    std::string apply(const Operation& operation);
    // All files synced and closed; the folder stays for a comparison of the trees.
    void finish();
    [[nodiscard]] const std::string& path() const { return path_; }

private:
    std::string perform(const Operation& operation);
    std::string perform_on_file(const Operation& operation);
    std::string perform_on_name(const Operation& operation);
    std::string look(const struct stat& status, bool aged) const;
    std::string attributes(const std::string& path, bool aged) const;
    void age(const std::string& path) const;

    std::string path_;
    bool folder_sizes_; // folders are looked at with their sizes
    UniqueFd root_;
    std::array<UniqueFd, kSlots> open_;
    std::string buffer_;
};

} // namespace gm::test
