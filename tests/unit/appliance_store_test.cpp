// SPDX-License-Identifier: GPL-2.0-or-later
//
// The store on a small host of its own: a kernel of one word, no modules, and a supermin that counts its runs.
#include "appliance/appliance_store.hpp"
#include "core/base/syscall.hpp"
#include "tests/support/scratch.hpp"

#include <csignal>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <filesystem>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <thread>

using namespace gm;
using namespace gm::appliance;
namespace fs = std::filesystem;

namespace {

class FakeHost {
public:
    FakeHost()
    {
        const auto data = dir.path() + "/data";
        for (const auto& folder :
             {data + "/supermin.d", dir.path() + "/boot", dir.path() + "/modules/6.1", cache_parent()}) {
            fs::create_directories(folder);
        }
        write(data + "/supermin.d/packages", "tool\n");
        write(data + "/modules", "keep kernel/*\n");
        write(dir.path() + "/boot/vmlinuz-6.1", "a kernel");
        write(dir.path() + "/modules/6.1/modules.dep", "");
        write(daemon(), "a daemon");
        supermin("mkdir -p \"$7/usr/lib\"; ln -s usr/lib \"$7/lib\"; echo content >\"$7/usr/tool\"");
        settings.cache_parent = cache_parent();
        settings.kernel.boot_folder = dir.path() + "/boot";
        settings.kernel.modules_root = dir.path() + "/modules";
        settings.inputs = ApplianceInputs{.data_folder = data, .daemon = daemon()};
        settings.supermin = dir.path() + "/supermin";
    }

    static void write(const std::string& path, std::string_view text) { REQUIRE(replace_file(path, text, 0755).ok()); }
    void supermin(const std::string& script) const
    {
        write(dir.path() + "/supermin", "#!/bin/sh\necho run >>" + dir.path() + "/runs\n" + script + '\n');
    }
    [[nodiscard]] std::size_t builds() const
    {
        const auto runs = read_file(dir.path() + "/runs");
        return runs.ok() ? runs.value().size() / 4 : 0; // "run\n"
    }
    [[nodiscard]] std::string daemon() const { return dir.path() + "/guestfsd"; }
    [[nodiscard]] std::string cache_parent() const { return dir.path() + "/cache"; }
    [[nodiscard]] std::string cache() const { return cache_parent() + "/.guestmount-" + std::to_string(::geteuid()); }

    // What lies in the cache folder under names that begin like this.
    [[nodiscard]] std::size_t count(std::string_view prefix) const
    {
        std::size_t found = 0;
        for (const auto& entry : fs::directory_iterator{cache()}) {
            found += entry.path().filename().string().starts_with(prefix) ? 1U : 0U;
        }
        return found;
    }

    [[nodiscard]] Result<ApplianceFiles> prepare(Millis patience = std::chrono::seconds{15},
                                                 const ProgressFn& progress = {}) const
    {
        return ApplianceStore{settings}.prepare(progress, Deadline{patience});
    }

    test::Scratch dir{"store"};
    StoreSettings settings;
};

std::string content(const std::string& path)
{
    return read_file(path).take_value();
}

void set_age(const std::string& appliance, time_t seconds)
{
    const timespec when{.tv_sec = ::time(nullptr) - seconds, .tv_nsec = 0};
    const timespec times[] = {when, when};
    REQUIRE(::utimensat(AT_FDCWD, (appliance + "/in-use").c_str(), times, 0) == 0);
}

} // namespace

TEST_SUITE("appliance")
{
    TEST_CASE("an appliance is built once and then found")
    {
        const FakeHost host;
        std::vector<int> percents;
        const auto built =
            host.prepare(std::chrono::seconds{15}, [&](const Progress& p) { percents.push_back(p.percent); });
        REQUIRE(built.ok());
        CHECK(content(built.value().kernel) == "a kernel");
        CHECK(content(built.value().initrd).find("a daemon") != std::string::npos);
        CHECK(fs::file_size(built.value().root) > 0);
        CHECK(std::is_sorted(percents.begin(), percents.end()));
        CHECK(percents.back() == 100);
        const auto found = host.prepare().take_value();
        CHECK(found.folder == built.value().folder);
        CHECK(found.key == built.value().key);
        CHECK(host.builds() == 1);
        CHECK(host.count("building-") == 0);
    }

    TEST_CASE("a changed daemon, kernel or package list makes another appliance")
    {
        const FakeHost host;
        const auto first = host.prepare().take_value();
        FakeHost::write(host.daemon(), "a newer daemon");
        const auto second = host.prepare().take_value();
        CHECK(second.key != first.key);
        CHECK(content(second.initrd).find("a newer daemon") != std::string::npos);
        FakeHost::write(host.dir.path() + "/boot/vmlinuz-6.1", "another kernel");
        CHECK(content(host.prepare().take_value().kernel) == "another kernel");
        FakeHost::write(host.settings.inputs->supermin_folder() + "/packages", "tool\nother\n");
        CHECK(host.prepare().ok());
        CHECK(host.builds() == 4);
    }

    TEST_CASE("old appliances go once nobody uses them, and one in use stays")
    {
        const FakeHost host;
        constexpr time_t kTwoDays = 2 * 24 * 60 * 60;
        auto used = std::make_optional(host.prepare().take_value());
        const std::string used_folder = used->folder;
        FakeHost::write(host.daemon(), "second");
        const std::string unused_folder = host.prepare().take_value().folder;
        set_age(used_folder, kTwoDays);
        set_age(unused_folder, kTwoDays);
        FakeHost::write(host.daemon(), "third, longer");
        const auto current = host.prepare().take_value();
        CHECK(fs::exists(used->root));
        CHECK_FALSE(fs::exists(unused_folder));
        CHECK(fs::exists(current.root));
        used.reset();
        FakeHost::write(host.daemon(), "fourth");
        CHECK(host.prepare().ok());
        CHECK_FALSE(fs::exists(used_folder));
    }

    TEST_CASE("a damaged appliance is never used but built again")
    {
        const FakeHost host;
        const auto first = host.prepare().take_value();
        REQUIRE(::truncate(first.root.c_str(), 100) == 0);
        const auto second = host.prepare().take_value();
        CHECK(fs::file_size(second.root) > 100);
        fs::remove(second.folder + "/stamp");
        CHECK(host.prepare().ok());
        CHECK(host.builds() == 3);
    }

    TEST_CASE("what a killed build left is not used and goes with the next one")
    {
        const FakeHost host;
        const std::string ready = host.dir.path() + "/ready";
        host.supermin("mkdir -p \"$7/usr\"; : >" + ready + "; exec sleep 60");
        const pid_t child = ::fork();
        if (child == 0) {
            (void)host.prepare();
            ::_exit(0);
        }
        const Deadline deadline{std::chrono::seconds{10}};
        while (!fs::exists(ready) && !deadline.passed()) {
            std::this_thread::sleep_for(Millis{5});
        }
        ::kill(child, SIGKILL);
        ::waitpid(child, nullptr, 0);
        CHECK(host.count("building-") == 1);
        CHECK(host.count("appliance-") == 0);
        host.supermin("mkdir -p \"$7/usr\"");
        CHECK(host.prepare().ok());
        CHECK(host.count("building-") == 0);
    }

    TEST_CASE("of two that start at once one builds, and the other waits and says so")
    {
        const FakeHost host;
        host.supermin("mkdir -p \"$7/usr\"; sleep 0.5");
        bool waited = false;
        Result<ApplianceFiles> other = make_error(EIO, "not run");
        const auto note = [&](const Progress& p) { waited = waited || p.step == Progress::Step::waiting; };
        std::thread second([&] {
            const Deadline deadline{std::chrono::seconds{10}};
            while (host.builds() == 0 && !deadline.passed()) { // the first has the lock by then
                std::this_thread::sleep_for(Millis{5});
            }
            other = host.prepare(std::chrono::seconds{15}, note);
        });
        const auto first = host.prepare();
        second.join();
        REQUIRE(first.ok());
        REQUIRE(other.ok());
        CHECK(waited);
        CHECK(host.builds() == 1);
        CHECK(first.value().folder == other.value().folder);
    }

    TEST_CASE("who cannot have the lock in time is told why")
    {
        const FakeHost host;
        REQUIRE(private_cache_folder(host.cache_parent()).ok());
        const auto lock = open_file(host.cache() + "/lock", O_RDWR | O_CREAT, 0600).take_value();
        REQUIRE(::flock(lock.get(), LOCK_EX) == 0);
        const auto refused = host.prepare(Millis{120});
        REQUIRE_FALSE(refused.ok());
        CHECK(refused.error().errno_value == ETIMEDOUT);
        CHECK(refused.error().text.find("another process") != std::string::npos);
    }

    TEST_CASE("each way a build can fail has one clear line and leaves nothing")
    {
        FakeHost host;
        std::string expected;
        int errno_value = EIO;
        Millis patience = std::chrono::seconds{15};
        SUBCASE("supermin complains")
        {
            host.supermin("echo 'first' >&2; echo 'no package tool' >&2; exit 3");
            expected = "(exit status 3): no package tool";
        }
        SUBCASE("supermin is missing")
        {
            host.settings.supermin = "no-such-supermin";
            expected = "'no-such-supermin' is not installed (package supermin)";
            errno_value = ENOENT;
        }
        SUBCASE("the disk is full")
        {
            host.supermin("echo 'cp: write error: No space left on device' >&2; exit 1");
            expected = "no space left";
            errno_value = ENOSPC;
        }
        SUBCASE("supermin does not end")
        {
            host.supermin("sleep 60");
            expected = "did not end in time";
            errno_value = ETIMEDOUT;
            patience = Millis{300};
        }
        const auto failed = host.prepare(patience);
        REQUIRE_FALSE(failed.ok());
        CHECK(failed.error().errno_value == errno_value);
        CHECK(failed.error().text.find(expected) != std::string::npos);
        CHECK(failed.error().text.find('\n') == std::string::npos);
        CHECK(host.count("building-") == 0);
        CHECK(host.count("appliance-") == 0);
    }

    TEST_CASE("a fixed appliance is built into an empty folder and used from there")
    {
        FakeHost host;
        const std::string folder = host.dir.path() + "/fixed";
        const auto built = ApplianceStore{host.settings}.build_fixed(folder, {}, Deadline{std::chrono::seconds{15}});
        REQUIRE(built.ok());
        CHECK_FALSE(ApplianceStore{host.settings}.build_fixed(folder, {}, Deadline{std::chrono::seconds{15}}).ok());

        host.settings.fixed_path = "/nonexistent:" + folder;
        const auto found = host.prepare().take_value();
        CHECK(found.folder == folder);
        CHECK(found.key == built.value().key);
        CHECK(host.builds() == 1);
        CHECK_FALSE(fs::exists(host.cache()));
        FakeHost::write(folder + "/root", "changed");
        CHECK(host.prepare().take_value().key != found.key);

        fs::remove(folder + "/initrd");
        const auto incomplete = host.prepare();
        REQUIRE_FALSE(incomplete.ok());
        CHECK(incomplete.error().text.find(folder + "/initrd") != std::string::npos);
        host.settings.fixed_path = "/nonexistent";
        CHECK(host.prepare().error().text.find("LIBGUESTFS_PATH is '/nonexistent'") != std::string::npos);
    }
}
