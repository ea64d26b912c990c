// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/base/syscall.hpp"
#include "core/launch/qmp.hpp"

#include <atomic>
#include <doctest/doctest.h>
#include <nlohmann/json.hpp>
#include <sys/socket.h>
#include <thread>

namespace {

using namespace gm;
using namespace std::chrono_literals;
using launch::Json;
using launch::Qmp;

// Plays qemu's part on the other end of the socket: a line in, what `answer` makes of it out.
class FakeMonitor {
public:
    using Answer = std::function<std::string(const Json& command)>;

    FakeMonitor(UniqueFd socket, Answer answer) : socket_(std::move(socket)), answer_(std::move(answer))
    {
        thread_ = std::jthread([this] { serve(); });
    }
    FakeMonitor(const FakeMonitor&) = delete;
    FakeMonitor& operator=(const FakeMonitor&) = delete;
    ~FakeMonitor() { ::shutdown(socket_.get(), SHUT_RDWR); }

    void say(std::string text)
    {
        text += '\n';
        REQUIRE(write_all(socket_.get(), std::as_bytes(std::span{text})).ok());
    }
    void hang_up() { ::shutdown(socket_.get(), SHUT_RDWR); }

private:
    void serve()
    {
        say(R"({"QMP":{"version":{"qemu":{"major":7,"minor":2,"micro":1},"package":"Test"},"capabilities":[]}})");
        std::string pending;
        char buffer[4096];
        for (;;) {
            const auto got = ::read(socket_.get(), buffer, sizeof buffer);
            if (got <= 0) {
                return;
            }
            pending.append(buffer, static_cast<std::size_t>(got));
            for (auto end = pending.find('\n'); end != std::string::npos; end = pending.find('\n')) {
                const Json command = Json::parse(pending.substr(0, end));
                pending.erase(0, end + 1);
                const auto text = command["execute"] == "qmp_capabilities"
                                      ? Json{{"return", Json::object()}, {"id", command["id"]}}.dump()
                                      : answer_(command);
                if (!text.empty()) {
                    say(text);
                }
            }
        }
    }

    UniqueFd socket_;
    Answer answer_;
    std::jthread thread_;
};

std::string success(const Json& command, const Json& value)
{
    return Json{{"return", value}, {"id", command["id"]}}.dump();
}

TEST_SUITE("qmp")
{
    TEST_CASE("answers find their commands in any order")
    {
        auto pair = make_socket_pair().take_value();
        std::string held;
        FakeMonitor monitor{std::move(pair.second), [&](const Json& command) {
                                if (held.empty()) {
                                    held = success(command, "first");
                                    return std::string{};
                                }
                                return success(command, "second") + '\n' + held;
                            }};
        auto qmp = Qmp::connect(std::move(pair.first), {}, Deadline{5s});
        REQUIRE(qmp.ok());
        CHECK(qmp.value()->version() == "7.2.1 Test");
        const auto first = qmp.value()->send("a", Json::object());
        const auto second = qmp.value()->send("b", Json::object());
        REQUIRE((first.ok() && second.ok()));
        CHECK(qmp.value()->finish(first.value(), Deadline{5s}).value() == "first");
        CHECK(qmp.value()->finish(second.value(), Deadline{5s}).value() == "second");
    }

    TEST_CASE("a refusal carries qemu's own words")
    {
        auto pair = make_socket_pair().take_value();
        FakeMonitor monitor{std::move(pair.second), [](const Json& command) {
                                return Json{{"error", {{"class", "GenericError"}, {"desc", "no such node"}}},
                                            {"id", command["id"]}}
                                    .dump();
                            }};
        auto qmp = Qmp::connect(std::move(pair.first), {}, Deadline{5s});
        REQUIRE(qmp.ok());
        const auto answer = qmp.value()->execute("blockdev-del", Deadline{5s});
        REQUIRE_FALSE(answer.ok());
        CHECK(answer.error() == Error{EIO, "no such node"});
    }

    TEST_CASE("events are told between answers")
    {
        auto pair = make_socket_pair().take_value();
        std::atomic<int> resumed{0};
        FakeMonitor monitor{std::move(pair.second), [](const Json& command) {
                                return std::string{R"({"event":"RESUME","data":{},"timestamp":{}})"} + '\n' +
                                       success(command, Json::object());
                            }};
        auto qmp = Qmp::connect(
            std::move(pair.first), [&](const std::string& name, const Json&) { resumed += name == "RESUME" ? 1 : 0; },
            Deadline{5s});
        REQUIRE(qmp.ok());
        CHECK(qmp.value()->execute("cont", Deadline{5s}).ok());
        CHECK(resumed == 1);
    }

    TEST_CASE("when the monitor ends, waiting and later commands fail at once")
    {
        auto pair = make_socket_pair().take_value();
        FakeMonitor monitor{std::move(pair.second), [&](const Json&) {
                                monitor.hang_up();
                                return std::string{};
                            }};
        auto qmp = Qmp::connect(std::move(pair.first), {}, Deadline{5s});
        REQUIRE(qmp.ok());
        CHECK(qmp.value()->execute("quit", Deadline{5s}).error().errno_value == ENOTCONN);
        CHECK(qmp.value()->execute("stop", Deadline{5s}).error().errno_value == ENOTCONN);
    }

    TEST_CASE("a monitor that does not answer is given up at the deadline")
    {
        auto pair = make_socket_pair().take_value();
        FakeMonitor monitor{std::move(pair.second), [](const Json&) { return std::string{}; }};
        auto qmp = Qmp::connect(std::move(pair.first), {}, Deadline{5s});
        REQUIRE(qmp.ok());
        CHECK(qmp.value()->execute("cont", Deadline{50ms}).error().errno_value == ETIMEDOUT);

        auto silent = make_socket_pair().take_value();
        CHECK(Qmp::connect(std::move(silent.first), {}, Deadline{50ms}).error().errno_value == ETIMEDOUT);
    }

    TEST_CASE("lines that are no JSON and answers to nobody are survived")
    {
        auto pair = make_socket_pair().take_value();
        FakeMonitor monitor{std::move(pair.second), [](const Json& command) {
                                return std::string{"garbage\n[1]\n{\"return\":{},\"id\":999}\n"} +
                                       success(command, Json::object());
                            }};
        auto qmp = Qmp::connect(std::move(pair.first), {}, Deadline{5s});
        REQUIRE(qmp.ok());
        CHECK(qmp.value()->execute("cont", Deadline{5s}).ok());
    }
}

} // namespace
