// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Disks that are reached over a network. qemu-storage-daemon(1) connects to them, before and outside of the virtual
// machine's qemu, which sees NBD exports of a private socket: it needs no network and no password, and a server that
// does not answer holds up nobody else. Nothing runs until the first disk is reached. One thread at a time.
#pragma once

#include "core/base/clock.hpp"
#include "core/base/error.hpp"
#include "core/guest/drive_uri.hpp"

#include <memory>
#include <nlohmann/json.hpp>
#include <string>

namespace gm {

class RemoteDisks {
public:
    // A readable `cancel_fd` (borrowed; -1: none) ends all waiting with ECANCELED.
    explicit RemoteDisks(int cancel_fd = -1);
    RemoteDisks(const RemoteDisks&) = delete;
    RemoteDisks& operator=(const RemoteDisks&) = delete;
    ~RemoteDisks();

    struct Reached {
        nlohmann::json protocol; // options of a protocol node for the virtual machine's qemu
        std::string format;      // of the image
    };
    // Connects to a disk; `shown` names it in the error. Blocks, at most 20 s.
    Result<Reached> reach(RemoteDisk disk, const std::string& shown, bool read_only);

    // All have connected: the socket's name goes, the connections stay.
    void hide();

private:
    class Daemon;

    int cancel_fd_;
    unsigned count_ = 0;
    std::unique_ptr<Daemon> daemon_;
};

} // namespace gm
