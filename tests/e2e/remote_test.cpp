// SPDX-License-Identifier: GPL-2.0-or-later
//
// Disks behind servers on this machine: qemu-nbd(8) and nginx(8).
#include "core/base/syscall.hpp"
#include "tests/support/guest_mount.hpp"
#include "tests/support/leftovers.hpp"
#include "tests/support/loop_mount.hpp"
#include "tests/support/requirements.hpp"
#include "tests/support/test_image.hpp"
#include "tests/support/tree.hpp"

#include <csignal>
#include <doctest/doctest.h>
#include <filesystem>
#include <netinet/in.h>
#include <sys/socket.h>
#include <thread>

namespace {

using namespace gm;
using namespace gm::test;

// A socket that listens on a free port of 127.0.0.1; nobody accepts.
class SilentServer {
public:
    SilentServer() : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0))
    {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        auto* any = reinterpret_cast<sockaddr*>(&address);
        REQUIRE(::bind(socket_.get(), any, size) == 0);
        REQUIRE(::listen(socket_.get(), 8) == 0);
        REQUIRE(::getsockname(socket_.get(), any, &size) == 0);
        port_ = ntohs(address.sin_port);
    }
    [[nodiscard]] unsigned port() const { return port_; }

private:
    UniqueFd socket_;
    unsigned port_ = 0;
};

// A program that serves until its end; it is ready when `ready` says so.
class Server {
public:
    template <typename Ready>
    Server(const std::vector<std::string>& argv, Ready ready)
    {
        Command command;
        command.argv = argv;
        auto started = Subprocess::start(command);
        REQUIRE_MESSAGE(started.ok(), problem(started));
        process_.emplace(started.take_value());
        const Deadline deadline{Millis{10'000}};
        while (!ready()) {
            REQUIRE_FALSE(deadline.passed());
            REQUIRE_FALSE(process_->wait(Millis{20}).has_value());
        }
    }
    void stop() { process_.reset(); }

private:
    std::optional<Subprocess> process_;
};

unsigned free_port()
{
    return SilentServer().port();
}

bool answers(unsigned port)
{
    const UniqueFd socket{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    return ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

void needs()
{
    require_fuse();
    require_vm();
    require_root();
}

std::string complaint(const std::string& disk, const Scratch& folder)
{
    std::filesystem::create_directories(folder / "mnt");
    const auto outcome = run({guestmount_program(), "-a", disk, "-m", "/dev/sda", "--ro", folder / "mnt"});
    INFO(outcome.text());
    CHECK(outcome.status == ExitStatus{.signalled = false, .code = 1});
    CHECK(outcome.took < Millis{25'000});
    CHECK(lines(outcome.error_output).size() == 1);
    return outcome.error_output;
}

#define CHECK_NAMES(text, part) CHECK_MESSAGE((text).find(part) != std::string::npos, (text))

} // namespace

TEST_SUITE("e2e")
{
    TEST_CASE("disks behind NBD and web servers hold what the image holds, and passwords are nowhere to be seen")
    {
        needs();
        const std::string disk = image("small");
        const Scratch folder("remote");
        std::filesystem::create_directory(folder / "www");
        std::filesystem::copy_file(disk, folder / "www/disk.img");
        must_run({"qemu-img", "convert", "-O", "qcow2", "-c", disk, folder / "www/disk.qcow2"});
        const std::string password = "a-long-password";
        write_file(folder / "users", "me:{PLAIN}" + password + "\n");
        const unsigned port = free_port();
        std::string temporary;
        for (const char* kind : {"client_body", "proxy", "fastcgi", "uwsgi", "scgi"}) {
            temporary += fmt::format("{}_temp_path {};\n", kind, folder / kind);
        }
        write_file(folder / "nginx.conf",
                   fmt::format("daemon off; master_process off; user root; pid {}; error_log {}; events {{}}\n"
                               "http {{ access_log off; {} server {{ listen 127.0.0.1:{}; root {};\n"
                               "auth_basic x; auth_basic_user_file {}; }} }}\n",
                               folder / "pid", folder / "errors", temporary, port, folder / "www", folder / "users"));
        const Server web({"/usr/sbin/nginx", "-e", folder / "errors", "-c", folder / "nginx.conf"},
                         [&] { return answers(port); });
        const std::string socket = folder / "nbd";
        const Server nbd({"qemu-nbd", "--read-only", "--persistent", "--format=raw", "--export-name=vol",
                          "--socket=" + socket, disk},
                         [&] { return std::filesystem::exists(socket); });

        const LoopMount loop(disk);
        const auto expected = scan_tree(loop.path(), {});
        REQUIRE(expected.ok());
        const std::string host = fmt::format("http://me:{}@127.0.0.1:{}/", password, port);
        const GuestMount mount({"-a", "nbd+unix:///vol?socket=" + socket, "-a", host + "disk.img", "-a",
                                host + "disk.qcow2", "--all", "--ro", "-v"});
        for (const char* name : {"sda", "sdb", "sdc"}) {
            CAPTURE(name);
            const auto found = scan_tree(mount / name, {});
            REQUIRE_MESSAGE(found.ok(), problem(found));
            CHECK(differences(*expected, *found, {.inodes = false}).empty());
        }
        CHECK(must_run({"ps", "-eo", "args"}).find(password) == std::string::npos);
        CHECK(content_of("/proc/self/mounts").find(password) == std::string::npos);

        CHECK_NAMES(complaint(fmt::format("http://me:wrong-one@127.0.0.1:{}/disk.img", port), folder), "401");
        const auto missing = complaint(host + "none.img", folder);
        CHECK_NAMES(missing, "404");
        CHECK(missing.find(password) == std::string::npos);
        CHECK_NAMES(complaint("nbd+unix:///other?socket=" + socket, folder), "nbd+unix:///other");
    }

    TEST_CASE("what is written to a disk behind an NBD server is on it after the unmount")
    {
        needs();
        const Scratch folder("remote");
        const std::string disk = folder / "disk.img";
        std::filesystem::copy_file(image("small"), disk);
        const std::string socket = folder / "nbd";
        {
            const Server nbd({"qemu-nbd", "--persistent", "--format=raw", "--socket=" + socket, disk},
                             [&] { return std::filesystem::exists(socket); });
            GuestMount mount({"-a", "nbd+unix:///?socket=" + socket, "-m", "/dev/sda", "--rw"});
            write_file(mount / "written", "over the network");
            mount.unmount();
        }
        must_run({"/sbin/e2fsck", "-fn", disk});
        const LoopMount loop(disk);
        CHECK(content_of(loop.path() + "/written") == "over the network");
    }

    TEST_CASE("a server that is not there, or never says a word, is one line that names it")
    {
        needs();
        const Scratch folder("remote");
        const auto nobody = fmt::format("nbd://127.0.0.1:{}/x", free_port());
        const auto refused = complaint(nobody, folder);
        CHECK_NAMES(refused, nobody);
        CHECK_NAMES(refused, "Connection refused");
        const SilentServer silent;
        CHECK_NAMES(complaint(fmt::format("nbd://127.0.0.1:{}/x", silent.port()), folder), "no answer within");
        CHECK(our_processes().empty());
    }
}
