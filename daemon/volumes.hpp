// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What is built on the drives: RAIDs, volume groups and encrypted volumes on each other in any depth. Nothing is looked
// for until somebody asks, so that a plain disk costs nothing. Any thread; one activation at a time.
#pragma once

#include "core/base/guarded.hpp"
#include "core/rpc/procedures.hpp"
#include "daemon/devices.hpp"
#include "daemon/lvm.hpp"
#include "daemon/md.hpp"

#include <stop_token>
#include <string_view>

namespace gm::daemon {

class Volumes {
public:
    // `ours`: nobody else uses the devices of this machine. Otherwise nothing is started or stopped.
    Volumes(Devices& devices, bool ours) : devices_(devices), ours_(ours) {}

    // Starts all RAIDs and volume groups that can be seen now.
    rpc::ActivateVolumes::Reply activate(bool read_only, const std::stop_token& stop);

    // activate(), if the device is none of the drives' and is not there yet.
    void look_for(const std::string& user_name, bool read_only, const std::stop_token& stop);

    // Opens an encrypted volume by a passphrase or its volume key; the name of the device with its content.
    Result<std::string> open(const std::string& user_name, std::string_view key, bool is_volume_key);

    // rpc::ReadKeyslot
    Result<rpc::ReadKeyslot::Reply> read_keyslot(const std::string& user_name, std::uint32_t index);

    // Stops all of it, the topmost first, so that everything is on the drives. EBUSY names what stays.
    Result<void> stop_all();

private:
    struct State {
        Raids raids;
        VolumeGroups groups;
        bool started = false;
    };
    std::vector<StackMember> members(const std::stop_token& stop);
    std::vector<rpc::EncryptedVolume> encrypted(const std::vector<StackMember>& members);

    Devices& devices_;
    const bool ours_;
    Guarded<State> state_; // level: top; held while tools run
};

} // namespace gm::daemon
