// SPDX-License-Identifier: GPL-2.0-or-later
//
// Keys of encrypted volumes as --key gives them. Values of one thread; what they hold is wiped with them.
#pragma once

#include "core/base/error.hpp"
#include "core/base/secret.hpp"
#include "core/rpc/types.hpp"

#include <string>
#include <vector>

namespace gm::mount {

constexpr std::size_t kMostOfKey = 1 << 20; // bytes

// --key ID:key:STRING and ID:file:FILE
struct VolumeKey {
    std::string id; // any name of the volume, its UUID, or "all"
    Secret bytes;   // of a file as it is; read by load_key_files()
    std::string file;

    // STRING may hold colons. EINVAL with the complaint for the user, which never repeats a key.
    static Result<VolumeKey> parse(const char* text);
};

// Reads the files that keys name. A final line end is the editor's more often than the key's: such a key becomes two,
// without it and with it.
Result<void> load_key_files(std::vector<VolumeKey>& keys);

bool is_for(const VolumeKey& key, const rpc::EncryptedVolume& volume);

// Overwrites keys and passwords in the arguments of this process, which everybody can read.
void hide_secrets(int argc, char** argv);

} // namespace gm::mount
