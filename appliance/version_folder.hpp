// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The versions of the appliance below a cache folder: opened with a shared lock by their users, removed under an
// exclusive one. A version is there whole (renamed into place with its stamp) or not at all.
// Functions; any thread, but those that change the cache folder need its build lock.
#pragma once

#include "core/base/error.hpp"
#include "core/base/unique_fd.hpp"

#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace gm::appliance {

inline constexpr const char* kStampName = "stamp";

// What the stamp of a folder with these inputs must say: the inputs, and the size of each file.
Result<std::string> stamp_text(const std::string& folder, std::string_view description);

// A shared lock on a whole version with these inputs, or nothing when there is none.
std::optional<std::shared_ptr<const UniqueFd>> open_version(const std::string& folder, std::string_view description);

// Writes the stamp and the lock file of a version that is being built, and renames it to `folder`.
Result<void> publish_version(const std::string& built, const std::string& folder, std::string_view description);

// Removes what interrupted builds left behind, and versions that nobody uses, except `current` and the few others
// that were used within the last day (a user may alternate between two kernels or two installations).
void remove_stale(const std::string& cache_folder, const std::string& current);

} // namespace gm::appliance
