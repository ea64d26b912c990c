// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The last part of what the guest's console and qemu itself wrote, for error messages and -v. Any thread.
#pragma once

#include "core/base/guarded.hpp"

#include <cstddef>
#include <string>
#include <string_view>

namespace gm::launch {

class ConsoleLog {
public:
    explicit ConsoleLog(std::size_t limit = 128 << 10) : limit_(limit) {}

    // Control characters that could move a terminal's cursor are dropped: the guest is not trusted.
    void append(std::string_view bytes);

    // Whole lines, oldest first.
    [[nodiscard]] std::string text() const;
    // The last line that says something, or "".
    [[nodiscard]] std::string last_line() const;

private:
    std::size_t limit_;
    Guarded<std::string> kept_;
};

} // namespace gm::launch
