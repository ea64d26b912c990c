// SPDX-License-Identifier: GPL-2.0-or-later
//
// The life of one mount: libfuse's session on our own descriptor, its threads, and the threads that go with it.
// Made and run by one thread; stop() from any.
#pragma once

#include "mount/fuse_mount.hpp"
#include "mount/invalidator.hpp"
#include "mount/op_table.hpp"

#include <atomic>
#include <memory>
#include <string>
#include <vector>

namespace gm::mount {

struct SessionOptions {
    std::string mount_options;             // for fusermount3, as after -o
    std::vector<std::string> fuse_options; // for libfuse, one -o each
    bool check_access = false;             // the kernel checks modes and ACLs
};

class Session {
public:
    // Mounts. The file system answers nothing before run().
    static Result<std::unique_ptr<Session>> mount(Filesystem& filesystem, const std::string& mountpoint,
                                                  const SessionOptions& options);
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;
    ~Session();

    // Serves until the file system is unmounted or stop() was called. Blocks.
    Result<void> run();
    // Ends run() whoever still uses the mount.
    void stop();

    // Writes back what the kernel holds and unmounts; lazily, with stop(), when somebody uses the mount. For another
    // thread than the one in run(). Blocks.
    void unmount();

    [[nodiscard]] const std::string& mountpoint() const { return mount_.mountpoint(); }

private:
    struct FuseSessionDeleter {
        void operator()(fuse_session* session) const { fuse_session_destroy(session); }
    };

    Session(Filesystem& filesystem, const SessionOptions& options, FuseMount mount);
    Result<void> start(const SessionOptions& options);

    SessionContext context_;
    FuseMount mount_; // after the threads below in destruction: they use its descriptor
    std::unique_ptr<fuse_session, FuseSessionDeleter> session_;
    std::unique_ptr<Invalidator> invalidator_;
    std::atomic<pthread_t> runner_{};
    std::atomic<bool> running_{false};
};

} // namespace gm::mount
