// SPDX-License-Identifier: GPL-2.0-or-later
//
// Starting, falling back, cancelling, ending.
#include "core/launch/accelerator_choice.hpp"
#include "tests/support/leftovers.hpp"
#include "tests/support/scratch.hpp"
#include "tests/vm/vm_guest.hpp"

#include <atomic>
#include <csignal>
#include <doctest/doctest.h>
#include <sys/eventfd.h>
#include <thread>

namespace {

using namespace gm;
using namespace gm::test;

Millis since(SteadyTime begin)
{
    return std::chrono::duration_cast<Millis>(std::chrono::steady_clock::now() - begin);
}

} // namespace

TEST_SUITE("vm")
{
    TEST_CASE("without a cache folder the appliance boots cold and answers")
    {
        auto options = guest_options({});
        options.cache_folder.clear();
        const auto guest = must_launch(std::move(options));
        CHECK_FALSE(guest->facts().from_template);
        CHECK(random_bytes(*guest) != random_bytes(*guest));
        CHECK(guest->shutdown(Deadline{Millis{10'000}}).ok());
        CHECK(our_processes("qemu").empty());
        CHECK(guest->call<rpc::RandomBytes>({.count = 1}).error().errno_value == ENOTCONN);
    }

    TEST_CASE("a killed qemu fails calls at once and is announced once")
    {
        std::atomic<int> deaths{0};
        auto options = guest_options({});
        options.on_death = [&](const Error& error) {
            CHECK(error.errno_value == ENOTCONN);
            ++deaths;
        };
        const auto guest = must_launch(std::move(options));
        REQUIRE(::kill(guest->facts().qemu, SIGKILL) == 0);
        const auto begin = std::chrono::steady_clock::now();
        const auto reply = guest->call<rpc::WaitForDisks>({.count = 1, .timeout_ms = 20'000});
        CHECK(reply.error().errno_value == ENOTCONN);
        CHECK(since(begin) < Millis{5'000});
        const auto closed = guest->shutdown(Deadline{Millis{5'000}});
        CHECK_FALSE(closed.ok());
        CHECK(guest->state() == Guest::State::dead);
        for (const Deadline soon{Millis{5'000}}; deaths == 0 && !soon.passed();) {
            std::this_thread::yield(); // it is told by another thread
        }
        CHECK(deaths == 1);
    }

    TEST_CASE("a launch can be cancelled and leaves nothing")
    {
        const UniqueFd cancel{::eventfd(0, EFD_CLOEXEC)};
        auto options = guest_options({});
        options.cache_folder.clear(); // boots cold, which takes long enough
        options.cancel_fd = cancel.get();
        std::jthread canceller([&] {
            std::this_thread::sleep_for(Millis{300});
            ::eventfd_write(cancel.get(), 1);
        });
        const auto begin = std::chrono::steady_clock::now();
        CHECK(must_not_launch(std::move(options)).errno_value == ECANCELED);
        CHECK(since(begin) < Millis{3'000});
        CHECK(our_processes("qemu").empty());
    }

    TEST_CASE("the cancel descriptor is of no interest once the guest is ready")
    {
        const UniqueFd cancel{::eventfd(0, EFD_CLOEXEC)};
        auto options = guest_options({});
        options.cancel_fd = cancel.get();
        const auto guest = must_launch(std::move(options));
        ::eventfd_write(cancel.get(), 1);
        random_bytes(*guest);
        CHECK(guest->shutdown(Deadline{Millis{10'000}}).ok());
    }

    TEST_CASE("a qemu that is not there or fails at once is named with what it said")
    {
        auto options = guest_options({});
        options.settings.qemu = "/nonexistent/qemu";
        CHECK(must_not_launch(options).text.find("/nonexistent/qemu") != std::string::npos);

        const Scratch scratch{"launch"};
        options.settings.qemu = make_wrapper(scratch.path(), "echo 'cannot do this today' >&2; exit 1");
        options.cache_folder = scratch.path();
        CHECK(must_not_launch(options).text.find("cannot do this today") != std::string::npos);
    }

    TEST_CASE("a wrapper script that stays above qemu works, and qemu ends with it")
    {
        const Scratch scratch{"launch"};
        auto options = guest_options({}, scratch.path());
        options.settings.qemu = make_wrapper(scratch.path(), "\"$QEMU\" \"$@\"");
        {
            const auto guest = must_launch(options);
            random_bytes(*guest);
            CHECK(guest->shutdown(Deadline{Millis{10'000}}).ok());
            CHECK(our_processes("qemu").empty());
        }
        {
            const auto guest = must_launch(options);
            random_bytes(*guest);
        }
        CHECK(our_processes("qemu").empty());
    }

    TEST_CASE("whatever KVM is worth here, the defaults bring up a guest, and the decision is remembered")
    {
        const Scratch scratch{"launch"};
        std::vector<std::string> notices;
        auto options = guest_options({}, scratch.path());
        options.settings.forced.reset();
        options.notice = [&](const std::string& line) { notices.push_back(line); };
        const auto first = must_launch(options)->facts().accelerator;
        CHECK(notices.size() == (launch::kvm_opens() && first == launch::Accelerator::tcg ? 1 : 0));
        notices.clear();
        CHECK(must_launch(options)->facts().accelerator == first);
        CHECK(notices.empty());
    }

    TEST_CASE("a guest that hangs or stops under KVM is replaced within seconds by one under TCG")
    {
        if (!launch::kvm_opens()) {
            MESSAGE("no /dev/kvm: nothing to fall back from");
            return;
        }
        const Scratch scratch{"launch"};
        std::string under_kvm;
        SUBCASE("qemu never answers")
        {
            under_kvm = "exec sleep 1000";
        }
        SUBCASE("the guest prints nothing")
        {
            under_kvm = "exec \"$QEMU\" \"$@\" -S -accel tcg -machine accel=tcg";
        }
        SUBCASE("qemu reports an internal error and stays")
        {
            under_kvm = "echo 'KVM internal error. Suberror: 1' >&2; exec sleep 1000";
        }
        SUBCASE("qemu aborts")
        {
            under_kvm = "kill -ABRT $$";
        }
        auto options = guest_options({}, scratch.path());
        options.settings.forced.reset();
        options.settings.qemu =
            make_wrapper(scratch.path(), "case \"$*\" in *accel=kvm*) " + under_kvm + ";; esac; exec \"$QEMU\" \"$@\"");
        std::vector<std::string> notices;
        options.notice = [&](const std::string& line) { notices.push_back(line); };
        const auto begin = std::chrono::steady_clock::now();
        CHECK(must_launch(options)->facts().accelerator == launch::Accelerator::tcg);
        CHECK(since(begin) < Millis{20'000});
        CHECK(notices.size() == 1);
        CHECK(must_launch(options)->facts().accelerator == launch::Accelerator::tcg);
        CHECK(notices.size() == 1);

        options.settings.forced = launch::Accelerator::kvm;
        CHECK(must_not_launch(options).errno_value != 0); // as asked for: nothing else is tried
    }
}
