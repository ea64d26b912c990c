// SPDX-License-Identifier: GPL-2.0-or-later
//
// The template makes launches quick; whatever is wrong with it makes them slow, never wrong.
#include "core/base/syscall.hpp"
#include "core/launch/template_store.hpp"
#include "tests/support/program.hpp"
#include "tests/support/requirements.hpp"
#include "tests/support/scratch.hpp"
#include "tests/vm/vm_guest.hpp"

#include <algorithm>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <filesystem>
#include <sys/mount.h>
#include <thread>

namespace {

using namespace gm;
using namespace gm::test;
namespace fs = std::filesystem;

// Folders of templates below a cache folder.
std::vector<std::string> templates_in(const std::string& cache)
{
    std::vector<std::string> found;
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator{cache + "/templates", ignored}) {
        if (entry.is_directory()) {
            found.push_back(entry.path());
        }
    }
    return found;
}

std::string only_template(const std::string& cache)
{
    const auto found = templates_in(cache);
    REQUIRE(found.size() == 1);
    return found.front();
}

// A cache folder with the template of a first launch: a copy of the one that all tests share.
struct Cached {
    Scratch scratch{"template"};
    GuestOptions options = guest_options({}, scratch.path());

    Cached()
    {
        const auto shared = guest_options({});
        CHECK(must_launch(shared)->facts().from_template); // its own at first: so it is known to work
        auto found = templates_in(shared.cache_folder);
        const auto last_used = std::max_element(found.begin(), found.end(), [](const auto& a, const auto& b) {
            return fs::last_write_time(a) < fs::last_write_time(b);
        });
        fs::create_directory(scratch / "templates");
        must_run({"cp", "-a", "--sparse=always", *last_used, scratch / "templates"});
        CHECK(must_launch(options)->facts().from_template);
        only_template(scratch.path());
    }
};

// A launch after damage: boots cold, in time, and leaves a template that works.
void check_recovers(const Cached& cached)
{
    const auto begin = std::chrono::steady_clock::now();
    random_bytes(*must_launch(cached.options));
    CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds{25});
    only_template(cached.scratch.path());
    CHECK(must_launch(cached.options)->facts().from_template);
}

} // namespace

TEST_SUITE("vm")
{
    TEST_CASE("clones of one template have different random numbers and share no state")
    {
        Cached cached;
        const auto one = must_launch(cached.options);
        const auto two = must_launch(cached.options);
        REQUIRE(one->facts().from_template);
        REQUIRE(two->facts().from_template);
        CHECK(random_bytes(*one) != random_bytes(*two));
        CHECK(one->shutdown(Deadline{Millis{10'000}}).ok());
        random_bytes(*two);
    }

    TEST_CASE("a damaged template is dropped, and a new one is made")
    {
        Cached cached;
        const auto folder = only_template(cached.scratch.path());
        SUBCASE("memory truncated")
        {
            fs::resize_file(folder + "/ram", 1 << 20);
        }
        SUBCASE("memory missing")
        {
            fs::remove(folder + "/ram");
        }
        SUBCASE("device state truncated")
        {
            fs::resize_file(folder + "/state", 1000);
        }
        SUBCASE("device state missing")
        {
            fs::remove(folder + "/state");
        }
        SUBCASE("stamp missing")
        {
            fs::remove(folder + "/stamp");
        }
        check_recovers(cached);
    }

    TEST_CASE("a template that is whole but does not start is dropped within seconds")
    {
        Cached cached;
        const auto folder = only_template(cached.scratch.path());
        const auto version = content_of(folder + "/stamp");
        const auto at = version.find("qemu ") + 5;
        std::string state = content_of(folder + "/state");
        UniqueFd ram = open_file(folder + "/ram", O_RDONLY).take_value();
        UniqueFd state_file;
        SUBCASE("garbage instead of a device state")
        {
            state.assign(5000, 'x');
        }
        SUBCASE("half a device state")
        {
            state.resize(state.size() / 2);
        }
        SUBCASE("empty memory")
        {
            ram = open_file(make_image(cached.scratch / "zeros", 1 << 30), O_RDONLY).take_value();
        }
        write_file(cached.scratch / "state", state);
        state_file = open_file(cached.scratch / "state", O_RDONLY).take_value();
        const launch::TemplateStore store{cached.scratch.path(), fs::path{folder}.filename()};
        REQUIRE(store.save(ram, state_file, version.substr(at, version.find('\n', at) - at)).ok());
        check_recovers(cached);
    }

    TEST_CASE("another qemu, other memory or another command line do not get this template")
    {
        Cached cached;
        SUBCASE("another memory size")
        {
            cached.options.settings.memory_mib = 768;
        }
        SUBCASE("another kernel option")
        {
            cached.options.settings.kernel_options = "guestmount.test=1";
        }
        SUBCASE("another qemu")
        {
            cached.options.settings.qemu = make_wrapper(cached.scratch.path(), "exec \"$QEMU\" \"$@\"");
        }
        random_bytes(*must_launch(cached.options));
        CHECK(templates_in(cached.scratch.path()).size() == 2);
    }

    TEST_CASE("a full disk while saving costs the template only")
    {
        require_root();
        const Scratch scratch{"template"};
        REQUIRE(::mount("tmpfs", scratch.path().c_str(), "tmpfs", 0, "size=8m") == 0);
        {
            const auto guest = must_launch(guest_options({}, scratch.path()));
            CHECK_FALSE(guest->facts().from_template);
            random_bytes(*guest);
            CHECK(templates_in(scratch.path()).empty());
            CHECK(guest->shutdown(Deadline{Millis{10'000}}).ok());
        }
        CHECK(::umount(scratch.path().c_str()) == 0);
    }

    TEST_CASE("launches at the same time on a fresh cache make one template and all come up")
    {
        const Scratch scratch{"template"};
        const auto options = guest_options({}, scratch.path());
        std::vector<std::string> randoms(3);
        {
            std::vector<std::jthread> threads;
            for (std::size_t i = 0; i < randoms.size(); ++i) {
                threads.emplace_back([&, i] {
                    auto guest = Guest::launch(options);
                    if (guest) {
                        const auto reply = guest.value()->call<rpc::RandomBytes>({.count = 16});
                        randoms[i] = reply ? reply.value().bytes : "";
                    }
                });
            }
        }
        for (const auto& bytes : randoms) {
            CHECK(bytes.size() == 16);
        }
        CHECK(randoms[0] != randoms[1]);
        CHECK(randoms[1] != randoms[2]);
        only_template(scratch.path());
    }
}
