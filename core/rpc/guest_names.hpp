// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Names by which the two sides find each other before the first message. Constants.
#pragma once

namespace gm::rpc {

inline constexpr const char* kRpcPortName = "org.guestmount.rpc"; // virtio-serial port of the link
inline constexpr const char* kRootDiskSerial = "gmroot";          // virtio-blk disk with the appliance's root image

} // namespace gm::rpc
