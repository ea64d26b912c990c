// SPDX-License-Identifier: GPL-2.0-or-later
//
// Opens encrypted volumes of the guest with the keys that the user gave, and asks for those that are missing. One
// thread; blocks.
#pragma once

#include "core/rpc/link.hpp"
#include "mount/key_input.hpp"
#include "mount/keys.hpp"

#include <map>
#include <stop_token>
#include <string>
#include <vector>

namespace gm::mount {

class Unlocker {
public:
    // All are borrowed.
    Unlocker(rpc::Link& link, const std::vector<VolumeKey>& keys, KeyInput& input, bool read_only)
        : link_(link), keys_(keys), input_(input), read_only_(read_only)
    {
    }

    // Starts what can be started, then opens one more volume on which `device` may lie (empty: anything). False when
    // there is none that can be opened. ECANCELED; ENOTCONN.
    Result<bool> open_next(const std::string& device, const std::stop_token& stop);

    // Opens all that the keys open, and without asking leaves the rest.
    Result<void> open_all(const std::stop_token& stop);

    // After open_all(): asks the person at the terminal, if there is one, for the keys of all that is still closed.
    // Whether something was opened.
    Result<bool> ask_for_all(const std::stop_token& stop);

    // What may hide a device: "'/dev/sda2' is encrypted (LUKS2) and the key does not open it; ...". May be empty.
    [[nodiscard]] std::string obstacles(const std::string& device) const;
    // The same, a sentence each.
    [[nodiscard]] std::vector<std::string> closed() const;

private:
    struct Attempt {
        std::size_t keys = 0; // that did not open it
        std::string failure;  // other than that
        bool asked = false;
    };
    Result<bool> try_keys(const rpc::EncryptedVolume& volume, const std::stop_token& stop);
    Result<bool> ask(const rpc::EncryptedVolume& volume, const std::stop_token& stop);
    Result<bool> open(const rpc::EncryptedVolume& volume, const Secret& key, const std::stop_token& stop);
    Result<bool> open_by_keyslots(const rpc::EncryptedVolume& volume, const Secret& key, const std::stop_token& stop);
    Result<bool> open_by(const rpc::EncryptedVolume& volume, const Secret& key, bool is_volume_key,
                         const std::stop_token& stop);
    [[nodiscard]] std::string why_closed(const rpc::EncryptedVolume& volume) const;

    rpc::Link& link_;
    const std::vector<VolumeKey>& keys_;
    KeyInput& input_;
    const bool read_only_;
    bool may_ask_ = true;
    std::vector<Secret> typed_; // they may open other volumes too
    std::vector<rpc::EncryptedVolume> volumes_;
    std::vector<std::string> problems_;
    std::map<std::string, Attempt> attempts_; // by device
};

} // namespace gm::mount
