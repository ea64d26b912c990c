// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Makes kernel modules cheaper to load. Values; any thread.
#pragma once

#include <string_view>

namespace gm::appliance {

// The module without the signature that may follow it. The appliance trusts its own image, and an emulated CPU spends
// longer on the signature than on most modules.
std::string_view without_signature(std::string_view module);

} // namespace gm::appliance
