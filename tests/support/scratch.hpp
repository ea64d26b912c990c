// SPDX-License-Identifier: GPL-2.0-or-later
//
// A folder for one test's files, below this run's TMPDIR, removed with its content at the end of its scope.
#pragma once

#include "core/base/temp_dir.hpp"

#include <string>
#include <string_view>

namespace gm::test {

class Scratch {
public:
    explicit Scratch(std::string_view name);

    [[nodiscard]] const std::string& path() const { return folder_.path(); }
    [[nodiscard]] std::string operator/(std::string_view leaf) const;

private:
    TempDir folder_;
};

// Text to a new or emptied file; the test case ends as failed when that does not work.
void write_file(const std::string& path, std::string_view content);
std::string content_of(const std::string& path);

} // namespace gm::test
