// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/guest/image_format.hpp"
#include "core/guest/qcow2_overlay.hpp"

#include <doctest/doctest.h>

namespace {

using namespace std::string_literals;
using namespace std::string_view_literals;

std::string format_of(std::string_view head)
{
    return gm::image_format(std::as_bytes(std::span{head}));
}

TEST_SUITE("image format")
{
    TEST_CASE("image formats are told by their first bytes")
    {
        CHECK(format_of("QFI\xfb\0\0\0\x03 and more"sv) == "qcow2");
        CHECK(format_of("QFI\xfb\0\0\0\x01 and more"sv) == "qcow");
        CHECK(format_of("KDMV\x01"sv) == "vmdk");
        CHECK(format_of("# Disk DescriptorFile\nversion=1\n"sv) == "vmdk");
        CHECK(format_of("vhdxfile"sv) == "vhdx");
        CHECK(format_of("conectix"sv) == "vpc");
        CHECK(format_of(std::string(64, ' ') + "\x7f\x10\xda\xbe") == "vdi");
    }

    TEST_CASE("everything else is raw, also encrypted disks and a few bytes")
    {
        CHECK(format_of("") == "raw");
        CHECK(format_of("Q") == "raw");
        CHECK(format_of("QFI\xfb\0\0\0\x09"sv) == "raw");
        CHECK(format_of("LUKS\xba\xbe\0\x02"sv) == "raw");
        CHECK(format_of(std::string(4096, '\0')) == "raw");
    }

    TEST_CASE("images that qemu only reads are told apart from those that it writes")
    {
        const auto why = [](std::string_view format, std::string_view head) {
            return gm::why_never_written(format, std::as_bytes(std::span{head}));
        };
        const std::string sparse = "KDMV\x01\0\0\0\x03\0\0\0"s;
        CHECK(why("vmdk", sparse).empty());
        CHECK(why("vmdk", "KDMV\x03\0\0\0\x03\0\x03\0"sv) == "a stream-optimized vmdk can only be read");
        CHECK(why("vmdk", "KDMV").empty());
        CHECK(why("raw", "KDMV\x03\0\0\0\x03\0\x03\0"sv).empty());
        CHECK(format_of("#!/bin/sh\n#V2.0 Format\nmodprobe cloop file=$0"sv) == "cloop");
        CHECK(format_of("#!/bin/sh\necho hello\n"sv) == "raw");
        CHECK(why("cloop", "").find("cloop") != std::string::npos);
        std::string trailer = "koly\0\0\0\x04"s + std::string(504, 'x');
        CHECK(gm::has_dmg_trailer(std::as_bytes(std::span{trailer})));
        trailer.pop_back();
        CHECK_FALSE(gm::has_dmg_trailer(std::as_bytes(std::span{trailer})));
    }

    TEST_CASE("an overlay is a qcow2 image as large as its disk")
    {
        const auto small = gm::empty_qcow2(512);
        CHECK(format_of(small) == "qcow2");
        CHECK(small.size() == 4 * 65536);
        CHECK(small.substr(24, 8) == "\0\0\0\0\0\0\x02\0"sv); // virtual size
        CHECK(small.substr(36, 4) == "\0\0\0\x01"sv);         // entries of the first table
        // 8 TiB: 16384 entries of 8 bytes fill two clusters, and all five clusters are counted.
        const auto large = gm::empty_qcow2(8ULL << 40);
        CHECK(large.size() == 5 * 65536);
        CHECK(large.substr(2 * 65536, 12) == "\0\x01\0\x01\0\x01\0\x01\0\x01\0\0"sv);
    }
}

} // namespace
