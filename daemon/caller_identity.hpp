// SPDX-License-Identifier: LGPL-2.1-or-later
//
// On whose behalf a worker thread creates things. While an ActAs lives, the calling thread has the caller's file system
// ids and umask, so that the kernel itself applies set-group-ID folders, default ACLs and quotas. Access is not checked
// again: the host has done that, and the thread keeps its capabilities. Belongs to one thread.
#pragma once

#include "core/rpc/types.hpp"

namespace gm::daemon {

// Once at the start of each worker thread: a umask of its own, and capabilities that survive a change of the ids.
void prepare_worker_thread();

class ActAs {
public:
    explicit ActAs(const rpc::Caller& caller);
    ActAs(const ActAs&) = delete;
    ActAs& operator=(const ActAs&) = delete;
    ~ActAs();

private:
    bool changed_ids_ = false;
};

} // namespace gm::daemon
