// SPDX-License-Identifier: GPL-2.0-or-later
//
// Which kernel is chosen, and the cache folder's checks: on small trees made for the purpose.
#include "appliance/cache_folder.hpp"
#include "appliance/host_kernel.hpp"
#include "core/base/subprocess.hpp"
#include "core/base/syscall.hpp"
#include "core/base/temp_dir.hpp"
#include "tests/support/requirements.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <filesystem>
#include <functional>
#include <sys/stat.h>
#include <sys/wait.h>

using namespace gm;
using namespace gm::appliance;
namespace fs = std::filesystem;

namespace {

constexpr ::uid_t kNobody = 65534;

class FakeHost {
public:
    FakeHost()
    {
        fs::create_directories(choice.boot_folder);
        fs::create_directories(choice.modules_root);
        ::chmod(dir.path().c_str(), 0755); // for the tests that drop root
    }
    std::string kernel(const std::string& version)
    {
        const auto path = choice.boot_folder + "/vmlinuz-" + version;
        REQUIRE(replace_file(path, "kernel", 0644).ok());
        return path;
    }
    void modules(const std::string& version)
    {
        fs::create_directories(choice.modules_root + '/' + version);
        REQUIRE(replace_file(choice.modules_root + '/' + version + "/modules.dep", "", 0644).ok());
    }

    TempDir dir = TempDir::make("/tmp", "gm-kernel-").take_value();
    KernelChoice choice{.image = {},
                        .version = {},
                        .modules = {},
                        .boot_folder = dir.path() + "/boot",
                        .modules_root = dir.path() + "/modules"};
};

// Runs `probe` as an ordinary user, also when the tests run as root; true when it said so.
bool as_ordinary_user(const std::function<bool()>& probe)
{
    const pid_t child = ::fork();
    if (child == 0) {
        const bool dropped = ::geteuid() != 0 || ::setresuid(kNobody, kNobody, kNobody) == 0;
        ::_exit(dropped && probe() ? 0 : 1);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    return status == 0;
}

} // namespace

TEST_SUITE("appliance")
{
    TEST_CASE("the newest kernel that has modules is taken, by version and not by letter")
    {
        FakeHost host;
        for (const char* version : {"6.1.0-9-amd64", "6.1.0-10-amd64"}) {
            host.kernel(version);
            host.modules(version);
        }
        host.kernel("6.9.0-1-amd64"); // its package is half removed: no modules
        const auto found = find_host_kernel(host.choice).take_value();
        CHECK(found.version == "6.1.0-10-amd64");
        CHECK(found.image == host.choice.boot_folder + "/vmlinuz-6.1.0-10-amd64");
        CHECK(found.modules_folder == host.choice.modules_root + "/6.1.0-10-amd64");
    }

    TEST_CASE("a kernel kept beside its modules is found as well")
    {
        FakeHost host;
        host.modules("6.2");
        REQUIRE(replace_file(host.choice.modules_root + "/6.2/vmlinuz", "kernel").ok());
        CHECK(find_host_kernel(host.choice).take_value().version == "6.2");
    }

    TEST_CASE("without a kernel the message says what to install and what to set")
    {
        FakeHost host;
        const auto found = find_host_kernel(host.choice);
        REQUIRE_FALSE(found.ok());
        CHECK(found.error().errno_value == ENOENT);
        CHECK(found.error().text.find("linux-image") != std::string::npos);
        CHECK(found.error().text.find("SUPERMIN_KERNEL") != std::string::npos);
    }

    TEST_CASE("a kernel for root's eyes only is an error that says how to open it")
    {
        FakeHost host;
        const auto image = host.kernel("6.1");
        host.modules("6.1");
        REQUIRE(::chmod(image.c_str(), 0000) == 0);
        CHECK(as_ordinary_user([&] {
            const auto found = find_host_kernel(host.choice);
            return !found.ok() && found.error().errno_value == EACCES &&
                   found.error().text.find(image) != std::string::npos &&
                   found.error().text.find("dpkg-statoverride") != std::string::npos &&
                   found.error().text.find("SUPERMIN_KERNEL") != std::string::npos;
        }));
        host.kernel("6.0"); // an older one that can be read is better than none
        host.modules("6.0");
        CHECK(as_ordinary_user([&] {
            const auto found = find_host_kernel(host.choice);
            return found.ok() && found.value().version == "6.0";
        }));
    }

    TEST_CASE("SUPERMIN_KERNEL and its companions are taken as they are")
    {
        FakeHost host;
        host.choice.image = host.dir.path() + "/my-kernel";
        CHECK(find_host_kernel(host.choice).error().text.find("SUPERMIN_KERNEL") != std::string::npos);
        REQUIRE(replace_file(host.choice.image, "kernel").ok());
        const auto without_modules = find_host_kernel(host.choice);
        REQUIRE_FALSE(without_modules.ok());
        CHECK(without_modules.error().text.find("SUPERMIN_MODULES") != std::string::npos);
        host.choice.version = "5.5";
        host.modules("5.5");
        CHECK(find_host_kernel(host.choice).take_value().modules_folder == host.choice.modules_root + "/5.5");
        host.modules("other");
        host.choice.modules = host.choice.modules_root + "/other";
        const auto found = find_host_kernel(host.choice).take_value();
        CHECK(found == HostKernel{host.choice.image, "5.5", host.choice.modules});
    }

    TEST_CASE("the version of a kernel of any name is read from its header")
    {
        FakeHost host;
        std::string image(0x400, '\0');
        image.replace(0x202, 4, "HdrS");
        image.replace(0x20e, 2, std::string_view{"\x80\x01", 2}); // at 0x200 + 0x180
        image.replace(0x380, 20, "7.7-test (builder) #");
        host.choice.image = host.dir.path() + "/bzImage";
        REQUIRE(replace_file(host.choice.image, image).ok());
        host.modules("7.7-test");
        CHECK(find_host_kernel(host.choice).take_value().version == "7.7-test");
    }

    TEST_CASE("the cache folder is made for its owner alone")
    {
        const auto parent = TempDir::make("/tmp", "gm-cache-").take_value();
        const auto folder = private_cache_folder(parent.path()).take_value();
        CHECK(folder == parent.path() + "/.guestmount-" + std::to_string(::geteuid()));
        struct stat info {};
        REQUIRE(::stat(folder.c_str(), &info) == 0);
        CHECK((info.st_mode & 07777) == 0700);
        CHECK(private_cache_folder(parent.path()).ok()); // and taken again
    }

    TEST_CASE("a cache folder that others reach, a link and a file are refused")
    {
        const auto parent = TempDir::make("/tmp", "gm-cache-").take_value();
        const auto folder = private_cache_folder(parent.path()).take_value();
        REQUIRE(::chmod(folder.c_str(), 0750) == 0);
        const auto open_to_group = private_cache_folder(parent.path());
        REQUIRE_FALSE(open_to_group.ok());
        CHECK(open_to_group.error().errno_value == EPERM);
        CHECK(open_to_group.error().text.find(folder) != std::string::npos);

        const auto elsewhere = parent.path() + "/elsewhere";
        fs::rename(folder, elsewhere);
        REQUIRE(::chmod(elsewhere.c_str(), 0700) == 0);
        fs::create_symlink(elsewhere, folder);
        CHECK(private_cache_folder(parent.path()).error().text.find("link") != std::string::npos);
        fs::remove(folder);
        REQUIRE(replace_file(folder, "").ok());
        CHECK(private_cache_folder(parent.path()).error().errno_value == EPERM);
    }

    TEST_CASE("a cache folder of another user is refused by name")
    {
        test::require_root();
        const auto parent = TempDir::make("/tmp", "gm-cache-").take_value();
        const auto folder = private_cache_folder(parent.path()).take_value();
        REQUIRE(::chown(folder.c_str(), kNobody, kNobody) == 0);
        const auto refused = private_cache_folder(parent.path());
        REQUIRE_FALSE(refused.ok());
        CHECK(refused.error().text.find("belongs to user 65534") != std::string::npos);
    }

    TEST_CASE("a cache folder that cannot be made names LIBGUESTFS_CACHEDIR")
    {
        const auto refused = private_cache_folder("/nonexistent");
        REQUIRE_FALSE(refused.ok());
        CHECK(refused.error().errno_value == ENOENT);
        CHECK(refused.error().text.find("LIBGUESTFS_CACHEDIR") != std::string::npos);
    }
}
