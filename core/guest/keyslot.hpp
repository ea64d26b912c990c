// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The key of an encrypted volume, from a passphrase and one of its keyslots: LUKS On-Disk Format 1.2.3 and LUKS2
// On-Disk Format 1.1.1. The guest reads the header, so that the host sees numbers and bytes only; what costs processor
// time by design, the key derivation, runs here and not on an emulated processor. Any thread.
#pragma once

#include "core/base/error.hpp"
#include "core/base/secret.hpp"
#include "core/rpc/types.hpp"

#include <optional>
#include <span>
#include <string_view>

namespace gm {

// Whether volume_key() can deal with it: its functions are known here, and its cost stays within seconds and 1 GiB.
bool can_derive(const rpc::Keyslot& slot);

// The volume key; nothing when the passphrase is not the keyslot's. `material` is the keyslot's area as it is on the
// disk. EINVAL: the area does not fit the keyslot; ENOMEM; EOPNOTSUPP. Blocks for as long as the derivation takes.
Result<std::optional<Secret>> volume_key(const rpc::Keyslot& slot, std::span<const std::byte> material,
                                         std::string_view passphrase);

} // namespace gm
