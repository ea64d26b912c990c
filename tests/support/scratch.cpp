// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/support/scratch.hpp"

#include "core/base/syscall.hpp"

#include <cstdlib>
#include <doctest/doctest.h>
#include <fcntl.h>

namespace gm::test {
namespace {

TempDir make_folder(std::string_view name)
{
    const char* tmpdir = std::getenv("TMPDIR");
    auto folder = TempDir::make(tmpdir == nullptr ? "/tmp" : tmpdir, name);
    REQUIRE_MESSAGE(folder.ok(), problem(folder));
    return folder.take_value();
}

} // namespace

Scratch::Scratch(std::string_view name) : folder_(make_folder(name)) {}

std::string Scratch::operator/(std::string_view leaf) const
{
    return fmt::format("{}/{}", folder_.path(), leaf);
}

void write_file(const std::string& path, std::string_view content)
{
    auto fd = open_file(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    REQUIRE_MESSAGE(fd.ok(), problem(fd));
    auto written = write_all(fd->get(), std::as_bytes(std::span(content)));
    REQUIRE_MESSAGE(written.ok(), problem(written));
}

std::string content_of(const std::string& path)
{
    auto content = read_file(path, std::size_t{1} << 30);
    REQUIRE_MESSAGE(content.ok(), problem(content));
    return content.take_value();
}

} // namespace gm::test
