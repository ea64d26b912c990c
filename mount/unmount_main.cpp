// SPDX-License-Identifier: GPL-2.0-or-later
//
// guestunmount(1): unmounts, then waits until the serving process has ended and the image is free.
#include "core/base/syscall.hpp"
#include "mount/fuse_mount.hpp"
#include "mount/mount_list.hpp"
#include "mount/mount_users.hpp"
#include "mount/unmount_options.hpp"
#include "mount/version.hpp"

#include <algorithm>
#include <chrono>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <poll.h>
#include <thread>
#include <unistd.h>

namespace gm::mount {
namespace {

enum Status { kDone = 0, kError = 1, kBusy = 2, kNotMounted = 3 };

constexpr std::chrono::milliseconds kFirstPause{250};
constexpr std::chrono::milliseconds kLongestPause{8000};

class Unmounter {
public:
    explicit Unmounter(const UnmountOptions& options) : options_(options) {}

    int run()
    {
        const auto path = mount_path();
        const auto mount = find_mount(path);
        if (!mount.ok()) {
            return complain(kError, mount.error().text);
        }
        if (!mount.value()) {
            return complain(kNotMounted, fmt::format("'{}' is not mounted", options_.mountpoint));
        }
        if (!(*mount)->type.starts_with("fuse")) {
            return complain(kError, fmt::format("'{}' is a mount of type {}, not one of guestmount",
                                                options_.mountpoint, (*mount)->type));
        }
        // Before the mount goes: afterwards nothing leads to its server.
        const auto servers = connect_to_servers((*mount)->identity);
        if (servers.empty()) {
            note("no guestmount process answers for this mount");
        }
        return unmount_and_wait(**mount, servers);
    }

    // Until the process at the other end of the pipe has gone.
    static void wait_for_end_of(int pipe)
    {
        pollfd end{.fd = pipe, .events = 0, .revents = 0}; // POLLHUP, POLLERR: always reported
        retry([&] { return ::poll(&end, 1, -1); });
    }

private:
    // Without links, and without looking at the mountpoint itself, which may hang.
    [[nodiscard]] std::string mount_path() const
    {
        auto path = std::filesystem::absolute(options_.mountpoint).lexically_normal();
        if (!path.has_filename()) {
            path = path.parent_path();
        }
        const std::unique_ptr<char, decltype(&std::free)> folder(::realpath(path.parent_path().c_str(), nullptr),
                                                                 &std::free);
        const auto result = folder ? std::filesystem::path(folder.get()) / path.filename() : path;
        std::error_code failure;
        const auto target = std::filesystem::read_symlink(result, failure); // a mountpoint is no link: this is quick
        if (!failure) {
            const std::unique_ptr<char, decltype(&std::free)> real(::realpath(result.c_str(), nullptr), &std::free);
            return real ? real.get() : result.string();
        }
        return result.string();
    }

    int unmount_and_wait(const MountEntry& mount, const std::vector<UniqueFd>& servers)
    {
        auto pause = kFirstPause;
        for (unsigned attempt = 0;; ++attempt) {
            const auto result = unmount(mount.mountpoint, Unmount::when_free);
            if (result.ok()) {
                break;
            }
            if (result.error().errno_value != EBUSY) {
                return complain(kError, result.error().text);
            }
            if (attempt == options_.retries) {
                return complain(kBusy, fmt::format("'{}' is in use{}", mount.mountpoint, users(mount)));
            }
            note(fmt::format("in use{}; trying again in {} ms", users(mount), pause.count()));
            std::this_thread::sleep_for(pause);
            pause = std::min(pause * 2, kLongestPause);
        }
        note("unmounted; waiting until the image is complete");
        for (const auto& server : servers) {
            pollfd end{.fd = server.get(), .events = POLLIN, .revents = 0};
            retry([&] { return ::poll(&end, 1, -1); });
        }
        return kDone;
    }

    static std::string users(const MountEntry& mount)
    {
        std::string text;
        for (const auto& user : users_of(mount.mountpoint, mount.identity)) {
            text += fmt::format("{} {} ({})", text.empty() ? " by" : ",", user.process, user.name);
        }
        return text;
    }

    void note(const std::string& text) const
    {
        if (options_.verbose) {
            fmt::print(stderr, "guestunmount: {}\n", text);
        }
    }

    [[nodiscard]] int complain(Status status, const std::string& text) const
    {
        if (!options_.quiet) {
            fmt::print(stderr, "guestunmount: {}\n", text);
        }
        return status;
    }

    const UnmountOptions& options_;
};

int run(int argc, char** argv)
{
    const auto options = UnmountOptions::parse(std::vector<std::string>(argv, argv + argc));
    if (!options.ok()) {
        fmt::print(stderr, "guestunmount: {}\n", options.error().text);
        return kError;
    }
    switch (options->action) {
    case UnmountOptions::Action::help:
        fmt::print("{}", unmount_help_text());
        return kDone;
    case UnmountOptions::Action::version:
        fmt::print("guestunmount {}\n", kVersion);
        return kDone;
    case UnmountOptions::Action::unmount:
        break;
    }
    if (options->wait_fd) {
        Unmounter::wait_for_end_of(*options->wait_fd);
    }
    return Unmounter(*options).run();
}

} // namespace
} // namespace gm::mount

int main(int argc, char** argv)
{
    try {
        return gm::mount::run(argc, argv);
    } catch (const std::exception& failure) {
        fmt::print(stderr, "guestunmount: {}\n", failure.what());
        return EXIT_FAILURE;
    }
}
