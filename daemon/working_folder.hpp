// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Makes a folder the calling thread's own working folder for a while: for many system calls on its entries that take
// nothing but a path. Only after prepare_worker_thread(). Not copied, ended by the thread that made it.
#pragma once

#include "core/base/unique_fd.hpp"

#include <fcntl.h>
#include <unistd.h>

namespace gm::daemon {

class WorkingFolder {
public:
    // Borrows `folder`, which may be an O_PATH descriptor.
    explicit WorkingFolder(int folder) : before_(::open(".", O_PATH | O_DIRECTORY | O_CLOEXEC))
    {
        entered_ = before_.valid() && ::fchdir(folder) == 0;
    }
    WorkingFolder(const WorkingFolder&) = delete;
    WorkingFolder& operator=(const WorkingFolder&) = delete;
    // The folder's file system must not be kept from being unmounted.
    ~WorkingFolder()
    {
        if (entered_ && ::fchdir(before_.get()) == -1) {
            static_cast<void>(::chdir("/"));
        }
    }

    // False: the working folder is what it was.
    [[nodiscard]] bool entered() const { return entered_; }

private:
    UniqueFd before_;
    bool entered_ = false;
};

} // namespace gm::daemon
