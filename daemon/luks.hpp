// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Encrypted volumes: LUKS1, LUKS2 and BitLocker. Any thread.
#pragma once

#include "core/base/error.hpp"
#include "daemon/block_probe.hpp"

#include <string>

namespace gm::daemon {

// "LUKS1", "LUKS2", "BitLocker"; empty for content that is not encrypted.
std::string encryption_of(const BlockContent& content);

// Name for the device with the content of an encrypted volume: "luks-UUID". `same` is how many volumes with this UUID
// come before.
std::string mapping_name(const BlockContent& content, std::size_t same);

// Opens the device at `path` as /dev/mapper/`mapping` by a passphrase, with cryptsetup. EKEYREJECTED: not the key.
Result<void> open_encrypted(const std::string& path, const BlockContent& content, const std::string& mapping,
                            std::string_view key);

// Opens a LUKS volume by its volume key, which is not checked. EINVAL: a key of another size.
Result<void> open_by_volume_key(const std::string& path, const BlockContent& content, const std::string& mapping,
                                std::string_view key);

} // namespace gm::daemon
