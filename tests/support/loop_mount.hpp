// SPDX-License-Identifier: GPL-2.0-or-later
//
// The oracle: the host kernel's own mount of an image (or of a partition in it), for as long as the object lives.
// Needs root.
#pragma once

#include "tests/support/scratch.hpp"

#include <string>

namespace gm::test {

class LoopMount {
public:
    // `options` as for mount -o, beside "loop"; the test case ends as failed when it cannot be mounted.
    explicit LoopMount(const std::string& image, const std::string& options = "ro");
    LoopMount(const LoopMount&) = delete;
    LoopMount& operator=(const LoopMount&) = delete;
    ~LoopMount();

    [[nodiscard]] const std::string& path() const { return folder_.path(); }
    [[nodiscard]] std::string operator/(std::string_view leaf) const { return folder_ / leaf; }
    // Ahead of the destructor, and checked.
    void unmount();

private:
    Scratch folder_;
    bool mounted_ = false;
};

} // namespace gm::test
