// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Which qemu a decision or a template was made with: a different file, or the same file upgraded, is another qemu.
// Values; any thread.
#pragma once

#include "core/base/error.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace gm::launch {

struct QemuIdentity {
    std::string path;
    std::uint64_t size = 0;
    std::int64_t mtime_ns = 0;

    // Of the program that a name in PATH, or a path, stands for. ENOENT says how to get one.
    static Result<QemuIdentity> of(const std::string& program);

    [[nodiscard]] std::string text() const;
    bool operator==(const QemuIdentity&) const = default;
};

// 64 bits of FNV-1a, in hexadecimal: names for files of ours, nothing that must resist an attacker.
std::string short_hash(std::string_view text);

} // namespace gm::launch
