// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/guest/blockdev.hpp"

#include "core/launch/qemu_command.hpp"

namespace gm {

using Json = nlohmann::json;

std::string disk_node_name(unsigned index)
{
    return fmt::format("disk{}", index);
}

std::string base_node_name(unsigned index)
{
    return fmt::format("base{}", index);
}

Json image_node(unsigned index, const DriveSource& source)
{
    Json node{{"driver", source.format},
              {"node-name", source.read_only ? base_node_name(index) : disk_node_name(index)},
              {"read-only", source.read_only},
              {"file", source.protocol}};
    if (source.read_only) {
        node["force-share"] = true;
    } else {
        node["discard"] = "unmap";
    }
    return node;
}

Json overlay_node(unsigned index, const DriveSource& source, const std::string& file)
{
    Json storage{{"driver", "file"}, {"filename", file}, {"locking", "off"}, {"discard", "unmap"}};
    if (source.protocol.contains(kAio)) {
        storage[kAio] = source.protocol[kAio];
    }
    return Json{{"driver", "qcow2"},
                {"node-name", disk_node_name(index)},
                {"backing", base_node_name(index)},
                {"cache", {{"no-flush", true}}}, // it is thrown away
                {"discard", "unmap"},
                {"file", std::move(storage)}};
}

Json disk_device(unsigned index, const DriveSource& source)
{
    Json device{{"driver", "scsi-hd"},
                {"id", fmt::format("drive{}", index)},
                {"bus", launch::kScsiBus},
                {"drive", disk_node_name(index)},
                {"serial", fmt::format("gm-disk-{}", index)},
                {"channel", 0},
                {"scsi-id", index % 256},
                {"lun", index / 256}};
    if (source.block_size) {
        device["logical_block_size"] = *source.block_size;
        device["physical_block_size"] = *source.block_size;
    }
    return device;
}

Error explain_refusal(const DriveSource& source, const std::string& refusal)
{
    const auto says = [&](std::string_view words) { return refusal.find(words) != std::string::npos; };
    if (says("Failed to get") && says("lock")) {
        return make_error(EBUSY,
                          "'{}' is in use: another program holds its lock (a running virtual machine, or another "
                          "mount); --ro can read it all the same",
                          source.shown);
    }
    if (says("backing file")) {
        return make_error(ENOENT, "'{}' needs another image that cannot be opened: {}", source.shown, refusal);
    }
    if (says("Unknown driver") || says("does not accept value") || says("Invalid parameter")) {
        return make_error(EINVAL, "'{}': qemu knows no image format '{}'", source.shown, source.format);
    }
    return make_error(EIO, "'{}' cannot be opened as {}: {}", source.shown, source.format, refusal);
}

} // namespace gm
