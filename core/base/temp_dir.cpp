// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/base/temp_dir.hpp"

#include <cstdlib>
#include <filesystem>

namespace gm {

Result<TempDir> TempDir::make(const std::string& parent, std::string_view prefix)
{
    std::string path = fmt::format("{}/{}XXXXXX", parent, prefix);
    if (::mkdtemp(path.data()) == nullptr) {
        return system_error(errno, fmt::format("make a temporary folder in '{}'", parent));
    }
    return TempDir{std::move(path)};
}

TempDir::~TempDir()
{
    if (!path_.empty()) {
        std::error_code ignored; // a destructor has nobody to tell
        std::filesystem::remove_all(path_, ignored);
    }
}

} // namespace gm
