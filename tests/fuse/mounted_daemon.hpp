// SPDX-License-Identifier: GPL-2.0-or-later
//
// A real mount whose guest is the real daemon in this process, on a folder of the test's own: everything but the
// virtual machine. What is done through the mount can be compared with the folder below.
#pragma once

#include "mount/session.hpp"
#include "mount/upkeep.hpp"
#include "tests/daemon/daemon_session.hpp"
#include "tests/support/requirements.hpp"

#include <memory>
#include <string>
#include <thread>

namespace gm::test {

class MountedDaemon {
public:
    explicit MountedDaemon(bool read_only = false, mount::AttrView view = {}, const std::string& options = "",
                           bool ignore_case = false)
    {
        auto filesystem =
            mount::Filesystem::make(daemon_.link(), {.read_only = read_only, .view = view, .ignore_case = ignore_case});
        REQUIRE_MESSAGE(filesystem.ok(), problem(filesystem));
        filesystem_ = filesystem.take_value();
        auto session =
            mount::Session::mount(*filesystem_, folder_.path(),
                                  {.mount_options = (read_only ? "ro,fsname=test" : "rw,fsname=test") + options,
                                   .fuse_options = {},
                                   .check_access = view.shared});
        REQUIRE_MESSAGE(session.ok(), problem(session));
        session_ = session.take_value();
        serving_ = std::thread([this] { static_cast<void>(session_->run().ok()); });
    }
    MountedDaemon(const MountedDaemon&) = delete;
    MountedDaemon& operator=(const MountedDaemon&) = delete;
    ~MountedDaemon()
    {
        if (session_) {
            session_->unmount();
            serving_.join();
        }
    }

    // Through the mount.
    [[nodiscard]] std::string operator/(std::string_view leaf) const { return folder_ / leaf; }
    [[nodiscard]] const std::string& path() const { return folder_.path(); }
    // The same object below, where everything that was answered has been done.
    [[nodiscard]] std::string below(std::string_view leaf = "") const
    {
        filesystem_->settle();
        return daemon_.path(leaf);
    }
    DaemonSession& daemon() { return daemon_; }

private:
    DaemonSession daemon_;
    Scratch folder_{"mnt"};
    std::unique_ptr<mount::Filesystem> filesystem_;
    std::unique_ptr<mount::Session> session_;
    std::thread serving_;
};

inline struct stat status_of(const std::string& path)
{
    struct stat status = {};
    REQUIRE_MESSAGE(::lstat(path.c_str(), &status) == 0, path);
    return status;
}

// errno of a call that returns -1, 0 of one that does not.
template <typename Call>
int errno_of(Call&& call)
{
    errno = 0;
    return call() == -1 ? errno : 0;
}

} // namespace gm::test
