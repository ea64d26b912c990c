// SPDX-License-Identifier: GPL-2.0-or-later
//
// A folder for one test's files, below this run's TMPDIR, removed with its content at the end of its scope.
#pragma once

#include "core/base/error.hpp"
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

// The error's text, for a message. doctest evaluates messages of passed checks too while an exception is on its way.
template <typename T>
std::string problem(const Result<T>& result)
{
    return result.ok() ? "" : result.error().text;
}

// Text to a new or emptied file; the test case ends as failed when that does not work.
void write_file(const std::string& path, std::string_view content);
std::string content_of(const std::string& path);

} // namespace gm::test
