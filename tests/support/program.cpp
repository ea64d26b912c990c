// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/support/program.hpp"

#include "core/base/syscall.hpp"
#include "core/base/temp_dir.hpp"
#include "tests/support/scratch.hpp"

#include <chrono>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <fmt/ranges.h>

namespace gm::test {

std::string Outcome::text() const
{
    return fmt::format("{} after {} ms\n--- output\n{}\n--- error output\n{}",
                       timed_out ? "killed for taking too long" : status.text(), took.count(), output, error_output);
}

Outcome run(const std::vector<std::string>& argv, Millis timeout, const std::vector<std::string>& extra_environment)
{
    // Files, not pipes: a program in the background that keeps a pipe open would be waited for.
    const Scratch scratch("run");
    auto out = open_file(scratch / "out", O_WRONLY | O_CREAT, 0600);
    auto err = open_file(scratch / "err", O_WRONLY | O_CREAT, 0600);
    REQUIRE(out.ok());
    REQUIRE(err.ok());
    const auto started = std::chrono::steady_clock::now();
    auto child = Subprocess::start(Command{.argv = argv,
                                           .inherited = {},
                                           .extra_environment = extra_environment,
                                           .standard_input = {},
                                           .standard_output = out->get(),
                                           .standard_error = err->get()});
    REQUIRE_MESSAGE(child.ok(), problem(child));
    auto ended = child->wait(timeout);
    Outcome outcome;
    outcome.timed_out = !ended;
    outcome.status = ended ? *ended : child->kill_and_reap();
    outcome.took = std::chrono::duration_cast<Millis>(std::chrono::steady_clock::now() - started);
    outcome.output = read_file(scratch / "out", 64 << 20).take_value();
    outcome.error_output = read_file(scratch / "err", 64 << 20).take_value();
    return outcome;
}

std::string must_run(const std::vector<std::string>& argv, Millis timeout)
{
    Outcome outcome = run(argv, timeout);
    REQUIRE_MESSAGE(outcome.success(), fmt::format("{}: {}", fmt::join(argv, " "), outcome.text()));
    return std::move(outcome.output);
}

std::vector<std::string> lines(const std::string& text)
{
    std::vector<std::string> result;
    for (std::size_t start = 0; start < text.size();) {
        const auto end = std::min(text.find('\n', start), text.size());
        result.push_back(text.substr(start, end - start));
        start = end + 1;
    }
    return result;
}

} // namespace gm::test
