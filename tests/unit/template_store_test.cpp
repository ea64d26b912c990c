// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/base/syscall.hpp"
#include "core/base/temp_dir.hpp"
#include "core/launch/sparse_copy.hpp"
#include "core/launch/template_store.hpp"

#include <csignal>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>

namespace {

using namespace gm;
using namespace gm::launch;
namespace fs = std::filesystem;

UniqueFd memory_file(std::string_view content, off_t at = 0, off_t size = 0)
{
    UniqueFd fd{::memfd_create("test", MFD_CLOEXEC)};
    REQUIRE(fd.valid());
    REQUIRE(::pwrite(fd.get(), content.data(), content.size(), at) == static_cast<ssize_t>(content.size()));
    if (size != 0) {
        REQUIRE(::ftruncate(fd.get(), size) == 0);
    }
    return fd;
}

// A store with one template in it.
struct Stored {
    TempDir cache = TempDir::make("/tmp", "gm-test-").take_value();
    TemplateStore store{cache.path(), "key"};
    UniqueFd ram = memory_file("memory", 1 << 20, 8 << 20);
    UniqueFd state = memory_file("device state");

    Stored() { REQUIRE(store.save(ram, state, "7.2").ok()); }
    [[nodiscard]] std::string file(const std::string& name) const { return cache.path() + "/templates/key/" + name; }
};

TEST_SUITE("template store")
{
    TEST_CASE("a stored template is found with what was put in")
    {
        Stored stored;
        const auto found = stored.store.find();
        REQUIRE(found.has_value());
        CHECK(found->qemu_version == "7.2");
        char memory[6];
        CHECK(::pread(found->ram.get(), memory, 6, 1 << 20) == 6);
        CHECK(std::string_view(memory, 6) == "memory");
        struct stat info {};
        REQUIRE(::fstat(found->ram.get(), &info) == 0);
        CHECK(info.st_size == 8 << 20);
        CHECK(info.st_blocks * 512 < 1 << 20); // holes stay holes
        CHECK_FALSE(TemplateStore(stored.cache.path(), "other key").find().has_value());
    }

    TEST_CASE("a damaged template is not used, and is removed")
    {
        Stored stored;
        SUBCASE("memory file truncated")
        {
            fs::resize_file(stored.file("ram"), 4 << 20);
        }
        SUBCASE("memory file written to")
        {
            std::fstream(stored.file("ram")).write("x", 1);
            // Two writes within the clock's grain have the same time; a template is older than that in life.
            const timespec times[2] = {{0, UTIME_OMIT}, {1, 0}};
            REQUIRE(::utimensat(AT_FDCWD, stored.file("ram").c_str(), times, 0) == 0);
        }
        SUBCASE("memory file missing")
        {
            fs::remove(stored.file("ram"));
        }
        SUBCASE("device state of the same size changed")
        {
            std::fstream(stored.file("state")).write("D", 1);
        }
        SUBCASE("device state truncated")
        {
            fs::resize_file(stored.file("state"), 3);
        }
        SUBCASE("device state missing")
        {
            fs::remove(stored.file("state"));
        }
        SUBCASE("stamp missing")
        {
            fs::remove(stored.file("stamp"));
        }
        SUBCASE("stamp of another format")
        {
            std::ofstream{stored.file("stamp")} << "guestmount template 0\n";
        }
        CHECK_FALSE(stored.store.find().has_value());
        CHECK_FALSE(fs::exists(stored.cache.path() + "/templates/key"));
    }

    TEST_CASE("dropping a template does not remove the one that took its place")
    {
        Stored stored;
        const auto old = stored.store.find();
        REQUIRE(old.has_value());
        REQUIRE(stored.store.save(stored.ram, stored.state, "7.2").ok());
        stored.store.drop(*old);
        const auto newer = stored.store.find();
        REQUIRE(newer.has_value());
        stored.store.drop(*newer);
        CHECK_FALSE(stored.store.find().has_value());
    }

    TEST_CASE("an open template stays usable after it was dropped")
    {
        Stored stored;
        const auto found = stored.store.find();
        REQUIRE(found.has_value());
        stored.store.drop(*found);
        char memory[6];
        CHECK(::pread(found->ram.get(), memory, 6, 1 << 20) == 6);
    }

    TEST_CASE("a template that cannot be written whole leaves nothing behind")
    {
        const auto cache = TempDir::make("/tmp", "gm-test-").take_value();
        const TemplateStore store{cache.path(), "key"};
        const auto lock = store.lock(Millis{0}, -1);
        REQUIRE(lock.ok());
        const auto ram = memory_file(std::string(1 << 20, 'x'));
        const auto state = memory_file("state");
        rlimit before{};
        REQUIRE(::getrlimit(RLIMIT_FSIZE, &before) == 0);
        const auto old_handler = ::signal(SIGXFSZ, SIG_IGN);
        const rlimit small{65536, before.rlim_max};
        REQUIRE(::setrlimit(RLIMIT_FSIZE, &small) == 0);
        const auto saved = store.save(ram, state, "7.2");
        ::setrlimit(RLIMIT_FSIZE, &before);
        ::signal(SIGXFSZ, old_handler);
        CHECK_FALSE(saved.ok());
        CHECK_FALSE(store.find().has_value());
        CHECK(std::distance(fs::directory_iterator{cache.path() + "/templates"}, {}) == 1); // the lock
    }

    TEST_CASE("what a killed maker left behind is never found, and goes with the next template")
    {
        Stored stored;
        const auto leftover = stored.cache.path() + "/templates/.making-other";
        fs::create_directory(leftover);
        fs::copy(stored.file("ram"), leftover + "/ram");
        CHECK_FALSE(TemplateStore(stored.cache.path(), "other").find().has_value());
        REQUIRE(stored.store.save(stored.ram, stored.state, "7.2").ok());
        CHECK_FALSE(fs::exists(leftover));
    }

    TEST_CASE("only a few templates of other settings are kept")
    {
        Stored stored;
        for (int i = 0; i < 6; ++i) {
            REQUIRE(TemplateStore(stored.cache.path(), std::to_string(i)).save(stored.ram, stored.state, "7.2").ok());
        }
        CHECK(std::distance(fs::directory_iterator{stored.cache.path() + "/templates"}, {}) == 4);
    }

    TEST_CASE("only one process makes templates, and others stop waiting when told to")
    {
        Stored stored;
        const auto first = stored.store.lock(Millis{0}, -1);
        REQUIRE(first.ok());
        CHECK(stored.store.lock(Millis{5}, -1).error().errno_value == ETIMEDOUT);
        auto pipe = make_pipe().take_value();
        pipe.write_end.reset(); // readable: end of file
        const auto cancelled = stored.store.lock(Millis{5000}, pipe.read_end.get());
        CHECK((!cancelled.ok() && cancelled.error().errno_value == ECANCELED));
    }

    TEST_CASE("giving up holds for one boot of the host")
    {
        Stored stored;
        CHECK_FALSE(stored.store.given_up("boot-1"));
        stored.store.give_up("boot-1");
        CHECK(stored.store.given_up("boot-1"));
        CHECK_FALSE(stored.store.given_up("boot-2"));
    }

    TEST_CASE("a sparse copy equals the original and has no more pages than it needs")
    {
        std::string content(40 * 4096, '\0');
        content.replace(3 * 4096 + 5, 3, "abc");
        content.replace(38 * 4096, 2, "yz");
        content += "tail";
        const auto from = memory_file(content);
        const auto to = memory_file("");
        REQUIRE(copy_sparse(from.get(), to.get()).ok());
        std::string copy(content.size(), 'x');
        CHECK(::pread(to.get(), copy.data(), copy.size(), 0) == static_cast<ssize_t>(copy.size()));
        CHECK(copy == content);
        struct stat info {};
        REQUIRE(::fstat(to.get(), &info) == 0);
        CHECK(info.st_size == static_cast<off_t>(content.size()));
        CHECK(info.st_blocks * 512 <= 4 * 4096);
    }
}

} // namespace
