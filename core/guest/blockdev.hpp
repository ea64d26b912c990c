// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The QMP arguments that attach a drive, and qemu's refusals in words for the user. Pure; any thread.
#pragma once

#include "core/guest/drive_source.hpp"

namespace gm {

// The node that the guest's disk and the block export read: an overlay for a read-only drive.
std::string disk_node_name(unsigned index);
std::string base_node_name(unsigned index);

// blockdev-add of the image itself. A read-only drive is opened without its lock, so that a running virtual machine may
// hold it; a writable one takes qemu's lock.
nlohmann::json image_node(unsigned index, const DriveSource& source);
// blockdev-add of the overlay of a read-only drive; `file` is the path under which qemu knows its descriptor.
nlohmann::json overlay_node(unsigned index, const DriveSource& source, const std::string& file);
// device_add of the disk. Its serial tells the daemon which drive it is: the guest's kernel names disks as it finds
// them.
nlohmann::json disk_device(unsigned index, const DriveSource& source);

// `refusal` is what qemu said to image_node().
Error explain_refusal(const DriveSource& source, const std::string& refusal);

} // namespace gm
