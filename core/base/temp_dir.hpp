// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A private folder (mode 0700) that is removed with all its content by the destructor.
#pragma once

#include "core/base/error.hpp"

#include <string>

namespace gm {

class TempDir {
public:
    // A new folder below `parent`; its name begins with `prefix`.
    static Result<TempDir> make(const std::string& parent, std::string_view prefix);

    TempDir(TempDir&& other) noexcept : path_(std::exchange(other.path_, {})) {}
    TempDir& operator=(TempDir&&) = delete;
    TempDir(const TempDir&) = delete;
    TempDir& operator=(const TempDir&) = delete;
    ~TempDir();

    [[nodiscard]] const std::string& path() const { return path_; }

private:
    explicit TempDir(std::string path) : path_(std::move(path)) {}

    std::string path_; // empty once moved from
};

} // namespace gm
