// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The kernel's device mapper, asked without a tool. Any thread.
#pragma once

#include "core/base/error.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace gm::daemon {

// One target over the whole of a mapping, as dmsetup(8) writes it; `parameters` may hold a key and are never logged.
struct MappingTarget {
    std::uint64_t sectors = 0; // of 512 bytes
    std::string type;          // "crypt"
    std::string_view parameters;
};

// Makes the device `name` with the device mapper's own `uuid`; nothing stays of one that fails.
Result<void> create_mapping(const std::string& name, const std::string& uuid, const MappingTarget& target);

// EBUSY while something uses it.
Result<void> remove_mapping(const std::string& name);

} // namespace gm::daemon
