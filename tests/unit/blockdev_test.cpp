// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/guest/blockdev.hpp"

#include <doctest/doctest.h>

namespace {

using namespace gm;
using Json = nlohmann::json;

DriveSource example(bool read_only)
{
    DriveSource source;
    source.shown = "disk.img";
    source.protocol = Json{{"driver", "file"}, {"filename", "/images/disk.img"}};
    source.format = "qcow2";
    source.read_only = read_only;
    return source;
}

TEST_SUITE("blockdev")
{
    TEST_CASE("a read-only image is opened without its lock, below an overlay")
    {
        CHECK(image_node(2, example(true)) ==
              R"({"driver":"qcow2","node-name":"base2","read-only":true,"force-share":true,
                  "file":{"driver":"file","filename":"/images/disk.img"}})"_json);
        CHECK(overlay_node(2, example(true), "/dev/fdset/2") ==
              R"({"driver":"qcow2","node-name":"disk2","backing":"base2","cache":{"no-flush":true},"discard":"unmap",
                  "file":{"driver":"file","filename":"/dev/fdset/2","locking":"off","discard":"unmap"}})"_json);
    }

    TEST_CASE("an overlay is read as its image is")
    {
        auto source = example(true);
        source.protocol["aio"] = "io_uring";
        CHECK(overlay_node(0, source, "/dev/fdset/0")["file"]["aio"] == "io_uring");
        CHECK(image_node(0, source)["file"]["aio"] == "io_uring");
    }

    TEST_CASE("a writable image takes qemu's lock and passes discards on")
    {
        CHECK(image_node(0, example(false)) ==
              R"({"driver":"qcow2","node-name":"disk0","read-only":false,"discard":"unmap",
                  "file":{"driver":"file","filename":"/images/disk.img"}})"_json);
    }

    TEST_CASE("a disk says by its serial which drive it is")
    {
        CHECK(disk_device(7, example(true)) ==
              R"({"driver":"scsi-hd","id":"drive7","bus":"scsi0.0","drive":"disk7","serial":"gm-disk-7",
                  "channel":0,"scsi-id":7,"lun":0})"_json);
    }

    TEST_CASE("a sector size is given to the guest as logical and physical size")
    {
        auto source = example(true);
        source.block_size = 4096;
        const auto device = disk_device(0, source);
        CHECK(device["logical_block_size"] == 4096);
        CHECK(device["physical_block_size"] == 4096);
    }

    TEST_CASE("qemu's refusals become one line that names the drive")
    {
        const auto source = example(false);
        const auto locked =
            explain_refusal(source, "Failed to get \"write\" lock\nIs another process using the image?");
        CHECK(locked.errno_value == EBUSY);
        CHECK(locked.text.starts_with("'disk.img' is in use"));
        CHECK(locked.text.find('\n') == std::string::npos);

        const auto backing = explain_refusal(
            source, "Could not open backing file: Could not open '/gone.img': No such file or directory");
        CHECK(backing.errno_value == ENOENT);
        CHECK(backing.text.find("'disk.img'") != std::string::npos);
        CHECK(backing.text.find("'/gone.img'") != std::string::npos);

        const auto other = explain_refusal(source, "Image is not in qcow2 format");
        CHECK(other.errno_value == EIO);
        CHECK(other.text == "'disk.img' cannot be opened as qcow2: Image is not in qcow2 format");
    }
}

} // namespace
