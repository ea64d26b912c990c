// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/base/clock.hpp"
#include "core/base/error.hpp"
#include "core/base/subprocess.hpp"
#include "core/base/syscall.hpp"
#include "core/base/temp_dir.hpp"

#include <csignal>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <filesystem>
#include <poll.h>

using namespace gm;

TEST_CASE("an error carries its errno upwards while context is put before it")
{
    const auto open_it = []() -> Result<UniqueFd> { return open_file("/nonexistent/file", 0); };
    const auto load = [&]() -> Result<int> {
        const UniqueFd fd = GM_TRY(open_it());
        return fd.get();
    };
    auto result = load();
    REQUIRE_FALSE(result.ok());
    const Error error = with_context(result.take_error(), "load");
    CHECK(error.errno_value == ENOENT);
    CHECK(error.text == "load: open '/nonexistent/file': No such file or directory");
}

TEST_CASE("a program's output, error output, input and exit status are captured")
{
    const auto run = run_captured({"sh", "-c", "cat; echo problem >&2; exit 3"}, Millis{10'000}, "some input");
    REQUIRE(run.ok());
    CHECK(run->output == "some input");
    CHECK(run->error_output == "problem\n");
    CHECK(run->status == ExitStatus{false, 3});
}

TEST_CASE("a program that is not there is ENOENT with its name")
{
    const auto run = run_captured({"no-such-program"}, Millis{1000});
    REQUIRE_FALSE(run.ok());
    CHECK(run.error().errno_value == ENOENT);
    CHECK(run.error().text == "run 'no-such-program': No such file or directory");
}

TEST_CASE("a program past its time is killed")
{
    CHECK(run_captured({"sleep", "60"}, Millis{50}).error().errno_value == ETIMEDOUT);
}

TEST_CASE("a program that writes too much is stopped")
{
    CHECK(run_captured({"yes"}, Millis{10'000}, {}, 100'000).error().errno_value == EFBIG);
}

TEST_CASE("input to a program that reads none of it does not end us")
{
    const auto run = run_captured({"true"}, Millis{10'000}, std::string(1 << 20, 'x'));
    REQUIRE(run.ok());
    CHECK(run->status.success());
}

TEST_CASE("a child gets the descriptors it was promised at their numbers, and no others")
{
    const Pipe pipe = *make_pipe();
    const UniqueFd other = *open_file("/dev/null", O_RDONLY);
    Command command{.argv = {"sh", "-c", "ls /proc/self/fd | tr '\\n' ' ' >&7"},
                    .inherited = {{pipe.write_end.get(), 7}}};
    auto child = Subprocess::start(command);
    REQUIRE(child.ok());
    REQUIRE(child->wait(Millis{10'000}).has_value());
    char text[64] = {};
    REQUIRE(::read(pipe.read_end.get(), text, sizeof text - 1) > 0);
    CHECK(std::string{text} == "0 1 2 3 7 "); // 3 is ls reading the folder
}

TEST_CASE("a child does not outlive its owner")
{
    pid_t pid = -1;
    {
        auto child = Subprocess::start({.argv = {"sleep", "60"}});
        REQUIRE(child.ok());
        pid = child->pid();
        CHECK(::kill(pid, 0) == 0);
        CHECK_FALSE(child->wait(Millis{0}).has_value());
    }
    CHECK(::kill(pid, 0) == -1);
}

TEST_CASE("how a child ended is told, again and again")
{
    auto child = Subprocess::start({.argv = {"sleep", "60"}});
    REQUIRE(child.ok());
    child->send_signal(SIGTERM);
    CHECK(child->wait(Millis{10'000}) == ExitStatus{true, SIGTERM});
    CHECK(child->kill_and_reap() == ExitStatus{true, SIGTERM});
}

TEST_CASE("a replaced file has the new content, the asked mode, and no file is left beside it")
{
    const auto dir = TempDir::make("/tmp", "gm-unit-");
    REQUIRE(dir.ok());
    const std::string path = dir->path() + "/state";
    REQUIRE(replace_file(path, "old").ok());
    REQUIRE(replace_file(path, "new").ok());
    CHECK(*read_file(path) == "new");
    CHECK(std::filesystem::status(path).permissions() == std::filesystem::perms{0600});
    CHECK(std::distance(std::filesystem::directory_iterator{dir->path()}, {}) == 1);
    CHECK(read_file(path, 2).error().errno_value == EFBIG);
}

TEST_CASE("a temporary folder goes with all that is in it")
{
    std::string path;
    {
        auto dir = TempDir::make("/tmp", "gm-unit-");
        REQUIRE(dir.ok());
        path = dir->path();
        std::filesystem::create_directories(path + "/a/b");
        const TempDir moved = std::move(*dir);
        CHECK(std::filesystem::exists(path));
    }
    CHECK_FALSE(std::filesystem::exists(path));
}

TEST_CASE("a wait ends at its deadline when nothing comes")
{
    const Pipe pipe = *make_pipe();
    CHECK(*wait_for(pipe.read_end.get(), POLLIN, Millis{20}) == false);
    REQUIRE(write_all(pipe.write_end.get(), std::as_bytes(std::span{"x"})).ok());
    CHECK(*wait_for(pipe.read_end.get(), POLLIN, Millis{20}) == true);
    CHECK(Deadline{Millis{-5}}.left() == Millis{0});
}
