// SPDX-License-Identifier: GPL-2.0-or-later
//
// What a mount does when nobody asks for anything: gives back what was kept for a batch, and has the guest write its
// dirty data soon after the last change, so that little is left to do at the end. Owns a thread. Owned by the mount
// job.
#pragma once

#include "mount/filesystem.hpp"

#include <thread>

namespace gm::mount {

class Upkeep {
public:
    Upkeep(Filesystem& filesystem, rpc::Link& link);
    Upkeep(const Upkeep&) = delete;
    Upkeep& operator=(const Upkeep&) = delete;
    ~Upkeep() = default; // asks the thread to end, and joins it

private:
    void loop(const std::stop_token& stop);

    Filesystem& filesystem_;
    rpc::Link& link_;
    std::jthread thread_;
};

} // namespace gm::mount
