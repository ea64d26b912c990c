// SPDX-License-Identifier: GPL-2.0-or-later
#include "cache/extent_read.hpp"
#include "tests/rpc/cache/fake_guest.hpp"

#include <doctest/doctest.h>
#include <future>

using namespace gm;
using namespace gm::test;

namespace {

std::string pattern(std::size_t size, unsigned seed = 1)
{
    std::string text(size, '\0');
    for (std::size_t i = 0; i < size; ++i) {
        text[i] = static_cast<char>((i * 31 + i / 4096 * seed + seed) % 251);
    }
    return text;
}

struct Files : World {
    FileReader reader{{.link = link,
                       .budget = budget,
                       .folders = folder_cache,
                       .walk = folders,
                       .changes = changes,
                       .counters = counters,
                       .drives = &drive}};

    FileRef ref(const FakeFile& folder, const std::string& name)
    {
        const auto object = World::object(folder, name);
        return {object, [this, target = object.target]() -> Result<rpc::HandleId> {
                    const auto opened = GM_TRY(link.call<rpc::Open>({target, 0}));
                    return opened.handle;
                }};
    }
    FileRef ref(const std::string& name) { return ref(guest.root(), name); }

    static std::string text(const Result<FileData>& data)
    {
        REQUIRE(data.ok());
        std::string all;
        for (const auto& piece : data->pieces()) {
            all.append(reinterpret_cast<const char*>(piece.bytes.data()), piece.bytes.size());
        }
        return all;
    }
    std::string read(const std::string& name, std::uint64_t offset, std::uint32_t size)
    {
        return text(reader.read(ref(name), offset, size));
    }
    int reads() { return guest.count("read"); }
};

} // namespace

TEST_CASE("a file with extents is read from the drive and not through the guest")
{
    Files world;
    auto& file = world.guest.add(world.guest.root(), "f", S_IFREG, pattern(3 << 20));
    world.guest.map(file, world.drive);
    for (std::uint64_t at = 0; at < file.content.size(); at += 100'000) {
        CHECK(world.read("f", at, 100'000) == file.content.substr(at, 100'000));
    }
    CHECK(world.read("f", file.content.size(), 10).empty());
    CHECK(world.reads() == 0);
    CHECK(world.guest.count("map_extents") == 1);
    CHECK(world.counters.bytes_by_call == 0);
    CHECK(world.counters.bytes_by_extent >= file.content.size());
}

TEST_CASE("a file without extents is read through the guest, streams in large pieces")
{
    Files world;
    auto& file = world.guest.add(world.guest.root(), "f", S_IFREG, pattern(8 << 20));
    REQUIRE(world.read_folder(world.guest.root()).ok()); // tells the size
    for (std::uint64_t at = 0; at < file.content.size(); at += 128 << 10) {
        CHECK(world.read("f", at, 128 << 10) == file.content.substr(at, 128 << 10));
    }
    CHECK(world.reads() < 20); // not 64
    CHECK(world.counters.bytes_by_call == file.content.size());
}

TEST_CASE("random reads fetch what is asked for and nothing else")
{
    Files world;
    auto& file = world.guest.add(world.guest.root(), "f", S_IFREG, pattern(8 << 20));
    SUBCASE("from the drive")
    {
        world.guest.map(file, world.drive);
    }
    SUBCASE("through the guest") {}
    for (std::uint64_t i = 1; i < 50; ++i) {
        const auto at = i * 1'234'577 % (8 << 20) & ~4095ULL;
        CHECK(world.read("f", at, 4096) == file.content.substr(at, 4096));
    }
    CHECK(world.counters.bytes_by_call + world.counters.bytes_by_extent == 49 * 4096);
}

TEST_CASE("holes between extents and behind the last one are zeros")
{
    FakeDrive drive;
    std::ranges::fill(drive.bytes, std::byte{7});
    const rpc::FileExtents file{.disk = 0, .size = 40'000, .extents = {{4096, 4096, 0}, {16'384, 8192, 8192}}};
    std::vector<std::byte> bytes(30'000, std::byte{1});
    bool done = false;
    read_extents(drive, file, 5000, bytes, [&](const Result<void>& outcome) { done = outcome.ok(); });
    REQUIRE(done);
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        const auto at = i + 5000;
        const bool data = at < 8192 || (at >= 16'384 && at < 24'576);
        REQUIRE(bytes[i] == (data ? std::byte{7} : std::byte{0}));
    }
    CHECK(drive.reads == 2);
}

TEST_CASE("extents that are not on the drive, or a drive that fails, fall back to the guest")
{
    Files world;
    auto& file = world.guest.add(world.guest.root(), "f", S_IFREG, pattern(300'000));
    world.guest.map(file, world.drive);
    SUBCASE("an offset past the drive")
    {
        file.extents->extents[0].disk_offset = world.drive.bytes.size() - 10;
    }
    SUBCASE("a drive that is not there")
    {
        file.extents->disk = 3;
    }
    SUBCASE("a broken drive")
    {
        world.drive.broken = true;
    }
    CHECK(world.read("f", 0, 65'536) == file.content.substr(0, 65'536));
    CHECK(world.read("f", 200'000, 4096) == file.content.substr(200'000, 4096));
}

TEST_CASE("a file changed through this mount is read through the guest until it is synced")
{
    Files world;
    auto& file = world.guest.add(world.guest.root(), "f", S_IFREG, pattern(300'000));
    world.guest.map(file, world.drive);
    const Key key = world.ref("f").object.key;
    // Each before the last, so that nobody takes it for a stream and reads ahead.
    CHECK(world.read("f", 280'000, 4096) == file.content.substr(280'000, 4096));
    CHECK(world.reads() == 0);
    {
        const auto change = world.changes.begin({{key, kData}});
        file.content = pattern(300'000, 2); // in the guest's memory; the drive has the old data
    }
    CHECK(world.read("f", 200'000, 4096) == file.content.substr(200'000, 4096));
    CHECK(world.read("f", 150'000, 4096) == file.content.substr(150'000, 4096));
    const auto reads = world.reads();
    CHECK(reads > 0);
    const auto before = world.changes.now();
    world.guest.map(file, world.drive);
    world.changes.synced(key, before);
    CHECK(world.read("f", 100'000, 4096) == file.content.substr(100'000, 4096));
    CHECK(world.reads() == reads);
}

TEST_CASE("a read from the drive that raced with a change is done again through the guest")
{
    Files world;
    auto& file = world.guest.add(world.guest.root(), "f", S_IFREG, pattern(300'000));
    world.guest.map(file, world.drive);
    const Key key = world.ref("f").object.key;
    CHECK(world.read("f", 250'000, 4096) == file.content.substr(250'000, 4096)); // the map is here
    world.drive.on_read = [&](const image::BlockRead&) {
        // The file is cut and its blocks go to another file before the bytes are read.
        world.drive.on_read = nullptr;
        world.changes.note(key, kData);
        std::memset(world.drive.bytes.data(), 0x55, world.drive.bytes.size());
    };
    SUBCASE("a random read")
    {
        CHECK(world.read("f", 131'072, 4096) == file.content.substr(131'072, 4096));
    }
    SUBCASE("a stream")
    {
        CHECK(world.read("f", 0, 131'072) == file.content.substr(0, 131'072));
    }
    CHECK(world.read("f", 4096, 8192) == file.content.substr(4096, 8192));
}

TEST_CASE("what is fetched through the guest while the file changes is not kept")
{
    Files world;
    auto& file = world.guest.add(world.guest.root(), "f", S_IFREG, pattern(100'000));
    const Key key = world.ref("f").object.key;
    {
        const auto change = world.changes.begin({{key, kData}});
        CHECK(world.read("f", 0, 65'536) == file.content.substr(0, 65'536)); // before the guest made the change
        file.content = pattern(100'000, 5);
    }
    CHECK(world.read("f", 0, 65'536) == file.content.substr(0, 65'536));
}

TEST_CASE("files of a folder read one after the other are mapped in one call and read ahead")
{
    Files world;
    std::vector<FakeFile*> files;
    for (int i = 0; i < 100; ++i) {
        files.push_back(&world.guest.add(world.guest.root(), fmt::format("f{}", i), S_IFREG,
                                         pattern(5000, 3 + static_cast<unsigned>(i))));
        world.guest.map(*files.back(), world.drive);
    }
    REQUIRE(world.read_folder(world.guest.root()).ok());
    for (int i = 0; i < 100; ++i) {
        CHECK(world.read(fmt::format("f{}", i), 0, 16'384) == files[static_cast<std::size_t>(i)]->content);
    }
    CHECK(world.guest.count("map_extents") <= 3);
    CHECK(world.guest.largest_batch >= 90);
    CHECK(world.reads() == 0);
    CHECK(world.counters.pages.hits >= 90);
}

TEST_CASE("small files that lie side by side on the drive are read by one request, each with its own bytes")
{
    Files world;
    std::vector<FakeFile*> files;
    for (unsigned i = 0; i < 100; ++i) {
        auto& file = world.guest.add(world.guest.root(), fmt::format("f{}", i), S_IFREG, pattern(1 + i * 53, 3 + i));
        files.push_back(&file);
        if (i % 25 == 24) { // somebody else's blocks lie between
            world.guest.map(world.guest.add(world.guest.root(), fmt::format("other{}", i), S_IFREG, pattern(300'000)),
                            world.drive);
        }
        world.guest.map(file, world.drive);
    }
    files[50]->extents = files[49]->extents; // shared by two files
    files[50]->content = files[49]->content;
    auto& parted = *files[60]; // in two pieces
    const rpc::Extent whole = parted.extents->extents.front();
    parted.extents->extents = {{0, 512, whole.disk_offset}, {1024, whole.length - 1024, whole.disk_offset + 1024}};
    parted.content.replace(512, 512, 512, '\0');
    files[70]->extents->extents.front().disk_offset = 1ULL << 40; // not on the drive: read through the guest

    REQUIRE(world.read_folder(world.guest.root()).ok());
    for (std::size_t i = 0; i < files.size(); ++i) {
        CAPTURE(i);
        CHECK(world.read(fmt::format("f{}", i), 0, 16'384) == files[i]->content);
    }
    CHECK(world.drive.reads < 25);
    CHECK(world.reads() <= 1);
}

TEST_CASE("of small files read by one request only the one that changed meanwhile is read again")
{
    Files world;
    std::vector<FakeFile*> files;
    for (unsigned i = 0; i < 40; ++i) {
        files.push_back(&world.guest.add(world.guest.root(), fmt::format("f{}", i), S_IFREG, pattern(5000, 3 + i)));
        world.guest.map(*files.back(), world.drive);
    }
    REQUIRE(world.read_folder(world.guest.root()).ok());
    world.drive.on_read = [&](const image::BlockRead& read) {
        const auto at = files[30]->extents->extents.front().disk_offset;
        if (read.offset < at && at < read.offset + read.into.size()) { // among others
            static_cast<void>(world.changes.begin({{{.ino = files[30]->ino}, kData}}));
            files[30]->content = pattern(5000, 99);
        }
    };
    for (std::size_t i = 0; i < files.size(); ++i) {
        CAPTURE(i);
        CHECK(world.read(fmt::format("f{}", i), 0, 16'384) == files[i]->content);
    }
    CHECK(world.reads() == 1);
}

TEST_CASE("small files that must be read through the guest come many in a call")
{
    Files world;
    std::vector<FakeFile*> files;
    for (int i = 0; i < 100; ++i) {
        files.push_back(&world.guest.add(world.guest.root(), fmt::format("f{}", i), S_IFREG,
                                         pattern(5000, 3 + static_cast<unsigned>(i))));
    }
    REQUIRE(world.read_folder(world.guest.root()).ok());
    for (int i = 0; i < 100; ++i) {
        CHECK(world.read(fmt::format("f{}", i), 0, 16'384) == files[static_cast<std::size_t>(i)]->content);
    }
    CHECK(world.reads() + world.guest.count("read_files") + world.guest.count("open") < 20);
}

TEST_CASE("what was read ahead as an entry of a folder is not believed once entries of that folder have changed")
{
    Files world;
    for (int i = 0; i < 10; ++i) {
        world.guest.add(world.guest.root(), fmt::format("f{}", i), S_IFREG, pattern(5000));
    }
    REQUIRE(world.read_folder(world.guest.root()).ok());
    for (const auto* name : {"f0", "f1", "f2", "f3"}) {
        CHECK(world.read(name, 0, 16'384) == pattern(5000));
    }
    world.guest.root().children[8].second->content = pattern(5000, 9);
    // The change was noted under another number, as on a file system that numbers its objects anew.
    static_cast<void>(world.changes.begin({{{.ino = 4711}, kData}, {World::key(world.guest.root()), kEntries}}));
    CHECK(world.read("f8", 0, 16'384) == pattern(5000, 9));
}

TEST_CASE("a walk that reads everything finds the files of the next folders there")
{
    Files world;
    for (int i = 0; i < 30; ++i) {
        auto& folder = world.guest.add(world.guest.root(), fmt::format("d{}", i), S_IFDIR);
        for (int j = 0; j < 5; ++j) {
            world.guest.map(world.guest.add(folder, fmt::format("f{}", j), S_IFREG,
                                            pattern(3000, static_cast<unsigned>(i * 5 + j + 1))),
                            world.drive);
        }
    }
    const auto root = world.read_folder(world.guest.root()).take_value();
    for (const auto& [name, folder] : world.guest.root().children) {
        const auto view = world.folders.read(World::key(*folder), {root.page->node()->node(), name}, 0).take_value();
        for (const auto& [leaf, file] : folder->children) {
            CHECK(Files::text(world.reader.read(world.ref(*folder, leaf), 0, 16'384)) == file->content);
        }
    }
    CHECK(world.guest.count("map_extents") <= 35); // about one a folder
    CHECK(world.counters.pages.hits > 100);
}

TEST_CASE("eight streams at once get their own bytes")
{
    Files world;
    for (unsigned i = 0; i < 8; ++i) {
        auto& file = world.guest.add(world.guest.root(), fmt::format("f{}", i), S_IFREG, pattern(4 << 20, i + 1));
        if (i % 2 == 0) {
            world.guest.map(file, world.drive);
        }
    }
    std::atomic<int> wrong{0};
    {
        std::vector<std::jthread> readers;
        for (unsigned i = 0; i < 8; ++i) {
            readers.emplace_back([&, i] {
                const auto ref = world.ref(fmt::format("f{}", i));
                const auto& content = world.guest.root().children[i].second->content;
                for (std::uint64_t at = 0; at < content.size(); at += 128 << 10) {
                    std::string got;
                    const auto data = world.reader.read(ref, at, 128 << 10);
                    for (const auto& piece : data.value().pieces()) {
                        got.append(reinterpret_cast<const char*>(piece.bytes.data()), piece.bytes.size());
                    }
                    wrong += got != content.substr(at, 128 << 10);
                }
            });
        }
    }
    CHECK(wrong == 0);
}
