// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/daemon/daemon_session.hpp"
#include "tests/daemon/loop_device.hpp"
#include "tests/support/test_image.hpp"

#include <linux/fs.h>
#include <sys/stat.h>

using namespace gm;
using namespace gm::rpc;
using namespace gm::test;

namespace {

class DriveSession {
public:
    explicit DriveSession(const std::string& file, bool read_only = false, const std::string& options = "",
                          const std::string& partition = "")
        : device(file), session({device.name()})
    {
        if (!partition.empty()) {
            device.add_partitions();
        }
        session.must<MountFilesystem>({.device = "/dev/sda" + partition,
                                       .mountpoint = "/",
                                       .options = options,
                                       .type = "",
                                       .read_only = read_only});
    }

    std::optional<FileExtents> map(const std::string& leaf, NodeId parent = kRoot)
    {
        return session.must<MapExtents>({{{parent, leaf}}}).files.at(0);
    }
    // The file as the host puts it together: bytes of the drive where there are extents, else zeros.
    std::string through_drive(const FileExtents& file)
    {
        std::string content(file.size, '\0');
        const UniqueFd drive = open_file(device.path(), O_RDONLY | O_DIRECT).take_value();
        for (const auto& extent : file.extents) {
            constexpr std::uint64_t kSector = 4096; // O_DIRECT: what the drive holds, not this kernel's page cache
            const std::uint64_t begin = extent.disk_offset / kSector * kSector;
            const std::uint64_t end = (extent.disk_offset + extent.length + kSector - 1) / kSector * kSector;
            std::unique_ptr<void, decltype(&::free)> buffer{::aligned_alloc(kSector, end - begin), ::free};
            const auto got = ::pread(drive.get(), buffer.get(), end - begin, static_cast<off_t>(begin));
            REQUIRE(got >= static_cast<ssize_t>(extent.disk_offset + extent.length - begin));
            std::memcpy(content.data() + extent.file_offset,
                        static_cast<const char*>(buffer.get()) + (extent.disk_offset - begin), extent.length);
        }
        return content;
    }
    HandleId written(const std::string& leaf, std::string_view content)
    {
        const HandleId handle = session.create(leaf);
        session.write(handle, content);
        return handle;
    }
    bool reads_exactly(const std::string& leaf)
    {
        const auto file = map(leaf);
        return file && through_drive(*file) == content_of(session.path(leaf));
    }

    LoopDevice device;
    DaemonSession session;
};

std::string pattern(std::size_t size)
{
    std::string text(size, '\0');
    for (std::size_t i = 0; i < size; ++i) {
        text[i] = static_cast<char>(1 + i % 251);
    }
    return text;
}

} // namespace

TEST_CASE("a file's extents hold its bytes on ext and xfs, once it is synced")
{
    for (const std::string type : {"ext2", "ext3", "ext4", "xfs"}) {
        CAPTURE(type);
        const FreshImage image{type};
        DriveSession drive{image.file()};
        for (const std::size_t size : {1U, 4095U, 4096U, 100'001U, 3'000'000U}) {
            CAPTURE(size);
            const std::string name = fmt::format("size-{}", size);
            const HandleId handle = drive.written(name, pattern(size));
            CHECK_FALSE(drive.map(name)); // in memory only
            drive.session.must<Fsync>({.handle = handle});
            CHECK(drive.reads_exactly(name));
        }
        const HandleId empty = drive.session.create("empty");
        drive.session.must<Fsync>({.handle = empty});
        CHECK(drive.map("empty") == FileExtents{.disk = 0, .size = 0});
    }
}

TEST_CASE("holes, allocated but unwritten space and punched space read as zeros")
{
    for (const std::string type : {"ext4", "xfs"}) {
        CAPTURE(type);
        const FreshImage image{type};
        DriveSession drive{image.file()};
        const HandleId handle = drive.written("file", pattern(1 << 20));
        drive.session.write(handle, "far", 64 << 20);
        drive.session.must<Fallocate>({handle, 0, 8 << 20, 8 << 20});
        drive.session.must<Fallocate>({handle, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 65536, 131072});
        drive.session.must<Fallocate>({handle, FALLOC_FL_ZERO_RANGE, 400'000, 100'000});
        drive.session.must<Fsync>({.handle = handle});
        CHECK(drive.reads_exactly("file"));
        CHECK(drive.map("file")->extents.size() >= 3);
    }
}

TEST_CASE("whatever changes a file makes its extents unknown until it is synced")
{
    const FreshImage image{"ext4"};
    DriveSession drive{image.file()};
    const HandleId handle = drive.written("file", pattern(100'000));
    const HandleId source = drive.written("source", std::string(50'000, 's'));
    drive.session.must<Sync>({});
    CHECK(drive.reads_exactly("file"));
    const auto unknown_until_synced = [&] {
        CHECK_FALSE(drive.map("file"));
        drive.session.must<Fsync>({.handle = handle, .data_only = true});
        CHECK(drive.reads_exactly("file"));
    };
    drive.session.write(handle, "overwritten", 5000);
    unknown_until_synced();
    drive.session.must<SetAttr>({.handle = handle, .size = 50'000});
    unknown_until_synced();
    drive.session.must<SetAttr>({.target = {kRoot, "file"}, .size = 70'000});
    unknown_until_synced();
    drive.session.must<CopyFileRange>({source, 0, handle, 10'000, 20'000});
    unknown_until_synced();
    drive.session.must<Fallocate>({handle, 0, 100'000, 100'000});
    unknown_until_synced();
    drive.session.must<Open>({{kRoot, "file"}, O_RDWR | O_TRUNC});
    unknown_until_synced();
    drive.session.write(handle, "x");
    drive.session.must<Rename>({kRoot, "file", kRoot, "renamed", 0});
    CHECK_FALSE(drive.map("renamed"));
    drive.session.must<Sync>({});
    CHECK(drive.reads_exactly("renamed"));
}

TEST_CASE("data inside the inode has no extents")
{
    const FreshImage image{"ext4", {"-O", "inline_data", "-I", "256"}};
    DriveSession drive{image.file()};
    drive.written("small", "tiny");
    drive.written("large", pattern(10'000));
    drive.session.must<Sync>({});
    CHECK_FALSE(drive.map("small"));
    CHECK(drive.reads_exactly("large"));
}

TEST_CASE("data in the journal is read by calls: by mount option, by default of the file system, by a file's own flag")
{
    const FreshImage image{"ext4"};
    {
        DriveSession drive{image.file(), false, "data=journal"};
        drive.written("file", pattern(10'000));
        drive.session.must<Sync>({});
        CHECK_FALSE(drive.map("file"));
    }
    {
        DriveSession drive{image.file()};
        CHECK(drive.reads_exactly("file")); // the journal was emptied by the unmount
    }
    must_run({"debugfs", "-w", "-R", "set_inode_field file flags 0x84000", image.file()}); // extents, chattr +j
    {
        DriveSession drive{image.file()};
        CHECK_FALSE(drive.map("file"));
    }
    must_run({"tune2fs", "-o", "journal_data", image.file()});
    DriveSession drive{image.file()};
    drive.written("by-default", pattern(10'000));
    drive.session.must<Sync>({});
    CHECK_FALSE(drive.map("by-default"));
}

TEST_CASE("file systems that move, compress or cannot tell their data have no extents")
{
    const FreshImage image{"btrfs"};
    DriveSession drive{image.file()};
    drive.written("file", pattern(100'000));
    drive.session.must<Sync>({});
    CHECK_FALSE(drive.map("file"));
}

TEST_CASE("on a partition the extents count from the start of the drive")
{
    DriveSession drive{image("partitions_gpt"), true, "", "7"};
    std::size_t mapped = 0;
    for (const auto& [name, entry] : drive.session.list({kRoot, ""})) {
        if (entry.attr && S_ISREG(entry.attr->mode)) {
            CAPTURE(name);
            ++mapped;
            CHECK(drive.reads_exactly(name));
        }
    }
    CHECK(mapped > 0);
}

TEST_CASE("only regular files that can be found have extents, and one reply tells of many")
{
    const FreshImage image{"ext4"};
    DriveSession drive{image.file()};
    drive.written("file", pattern(5000));
    drive.session.must<MakeDir>({kRoot, "folder", 0755, {}});
    drive.session.must<MakeNode>({kRoot, "pipe", S_IFIFO | 0600, 0, 0, {}});
    drive.session.must<MakeSymlink>({kRoot, "link", "file", {}});
    drive.session.must<Sync>({});
    const NodeId node = drive.session.node("file");
    const auto files =
        drive.session
            .must<MapExtents>(
                {{{kRoot, "file"}, {kRoot, "folder"}, {kRoot, "pipe"}, {kRoot, "link"}, {kRoot, "no"}, {node, ""}}})
            .files;
    REQUIRE(files.size() == 6);
    CHECK(files[0]);
    CHECK(files[5] == files[0]);
    for (const std::size_t i : {1U, 2U, 3U, 4U}) {
        CHECK_FALSE(files[i]);
    }
}

TEST_CASE("shared blocks of xfs are read where they are, and stay right after one copy changed")
{
    const FreshImage image{"xfs", {"-m", "reflink=1"}};
    DriveSession drive{image.file()};
    const HandleId one = drive.written("one", pattern(200'000));
    drive.session.must<Sync>({});
    must_run({"cp", "--reflink=always", drive.session.path("one"), drive.session.path("two")});
    must_run({"sync", drive.session.path("two")});
    CHECK(drive.reads_exactly("one"));
    CHECK(drive.reads_exactly("two"));
    drive.session.write(one, "changed", 70'000);
    drive.session.must<Fsync>({.handle = one});
    CHECK(drive.reads_exactly("one"));
    CHECK(drive.reads_exactly("two"));
}
