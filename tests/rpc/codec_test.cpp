// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/rpc/codec.hpp"
#include "core/rpc/frame.hpp"
#include "core/rpc/procedures.hpp"

#include <doctest/doctest.h>
#include <string>

using namespace gm;
using namespace gm::rpc;

namespace {

template <typename T>
std::vector<std::byte> encoded(const T& value)
{
    Encoder encoder;
    encoder.put(value);
    return {encoder.bytes().begin(), encoder.bytes().end()};
}

Attr some_file()
{
    return Attr{.ino = 12,
                .filesystem = 1,
                .mode = S_IFREG | 0640,
                .nlink = 2,
                .uid = 1000,
                .gid = 100,
                .block_size = 4096,
                .size = 5'000'000'000,
                .blocks = 16,
                .mtime = {-5, 999'999'999}};
}

DirEntry some_entry()
{
    return DirEntry{
        .name = "a\nb\xff", .next_offset = ~0ULL, .ino = 12, .type = 8, .attr = some_file(), .link_target = "x"};
}

// A value of every field kind for the round trip over the whole table.
template <typename T>
void fill(T& value)
{
    if constexpr (std::is_same_v<T, bool>) {
        value = true;
    } else if constexpr (std::is_same_v<T, Attr>) {
        value = some_file();
    } else if constexpr (std::is_same_v<T, DirEntry>) {
        value = some_entry();
    } else if constexpr (std::is_same_v<T, Extent>) {
        value = {4096, 8192, 1 << 20};
    } else if constexpr (std::is_same_v<T, FileExtents>) {
        value = {1, 9000, {{0, 4096, 4096}, {8192, 4096, 65536}}};
    } else if constexpr (std::is_integral_v<T>) {
        value = static_cast<T>(0x1234567890abcdefULL);
    } else if constexpr (std::is_enum_v<T>) {
        value = static_cast<T>(1);
    } else if constexpr (std::is_same_v<T, std::string>) {
        value = "some\xfetext";
    } else if constexpr (std::is_same_v<T, Bulk>) {
        value = Bulk::allocate(3);
        std::memcpy(value.writable().data(), "abc", 3);
    } else if constexpr (std::is_same_v<T, EncryptedVolume>) {
        value = {
            .device = "/dev/sda2", .names = {"/dev/sda2"}, .uuid = "0-1", .kind = "LUKS2", .opened = "/dev/mapper/x"};
    } else if constexpr (std::is_same_v<T, Keyslot>) {
        value = {.derivation = {.function = "argon2id", .iterations = 4, .memory_kib = 65536, .lanes = 2, .salt = "s"},
                 .cipher = "aes-xts-plain64",
                 .area_key_size = 64,
                 .split_hash = "sha256",
                 .stripes = 4000,
                 .volume_key_size = 64,
                 .digest_derivation = {.function = "pbkdf2", .hash = "sha256", .iterations = 1000, .salt = "t"},
                 .digest = "d"};
    } else if constexpr (std::is_same_v<T, OperatingSystem>) {
        value = {.root = "/dev/sda2",
                 .family = "linux",
                 .distribution = "debian",
                 .product = "Debian\xff",
                 .version = "12",
                 .hostname = "host",
                 .mounts = {{"/dev/sda2", "/", ""}, {"/dev/sda1", "/boot", "ro"}},
                 .letters = {{"C", "/dev/sda2"}},
                 .problems = {"p"}};
    } else if constexpr (std::is_same_v<T, Timestamp>) {
        value = {-1, 5};
    } else if constexpr (requires {
                             value.emplace();
                             value.reset();
                         }) {
        fill(value.emplace());
    } else if constexpr (requires { value.emplace_back(); }) {
        fill(value.emplace_back());
        fill(value.emplace_back());
    } else {
        std::apply([](auto&... field) { (fill(field), ...); }, fields(value));
    }
}

template <typename T>
void check_message(std::string_view name)
{
    CAPTURE(std::string{name});
    T value{};
    fill(value);
    Encoder encoder;
    encoder.put(value);
    const auto copy_of_bulk = [&] {
        Bulk bulk = Bulk::allocate(encoder.bulk().size());
        std::copy(encoder.bulk().begin(), encoder.bulk().end(), bulk.writable().begin());
        return bulk;
    };
    const std::vector<std::byte> bytes{encoder.bytes().begin(), encoder.bytes().end()};
    auto back = decode<T>(bytes, copy_of_bulk());
    REQUIRE(back.ok());
    Encoder again;
    again.put(*back);
    CHECK(std::ranges::equal(again.bytes(), bytes));
    CHECK(std::ranges::equal(again.bulk(), encoder.bulk()));

    for (std::size_t length = 0; length < bytes.size(); ++length) {
        const auto cut = std::span{bytes}.first(length);
        CHECK_FALSE(decode<T>(cut, copy_of_bulk()).ok());
    }
    auto longer = bytes;
    longer.push_back(std::byte{0});
    CHECK_FALSE(decode<T>(longer, copy_of_bulk()).ok());
}

template <std::uint16_t Id, typename Field>
struct Sample {
    static constexpr ProcId id{Id};
    static constexpr std::string_view name = "sample";
    static constexpr auto access = Access::reads;
    struct Args {
        Field field;
    };
    struct Reply {};
};

} // namespace

TEST_CASE("every message of the table comes back as it was sent, and no prefix of it is accepted")
{
    Procedures::for_each([]<typename P>(std::type_identity<P>) {
        check_message<typename P::Args>(P::name);
        check_message<typename P::Reply>(P::name);
    });
}

TEST_CASE("the wire bytes of a call are fixed")
{
    const auto bytes = encoded(Lookup::Args{NodeId{0x0102}, "etc", true});
    const std::string expected{"\x02\x01\0\0\0\0\0\0"
                               "\x03\0\0\0etc"
                               "\x01",
                               16};
    CHECK(std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()) == expected);
}

TEST_CASE("a count larger than the bytes that are left is refused before anything is allocated")
{
    const auto huge = encoded(std::uint32_t{0xffffffff});
    CHECK_FALSE(decode<std::string>(huge).ok());
    CHECK_FALSE(decode<std::vector<DirEntry>>(huge).ok());
    CHECK_FALSE(decode<std::vector<std::uint64_t>>(huge).ok());
}

TEST_CASE("values out of range are refused")
{
    CHECK_FALSE(decode<bool>(encoded(std::uint8_t{2})).ok());
    CHECK_FALSE(decode<std::optional<bool>>(encoded(std::uint8_t{2})).ok());
    CHECK_FALSE(decode<BlockKind>(encoded(std::uint8_t{6})).ok());
    CHECK(decode<BlockKind>(encoded(BlockKind::other)).ok());
    CHECK_FALSE(decode<Timestamp>(encoded(Timestamp{0, 1'000'000'000})).ok());
}

TEST_CASE("a name that is no single component of a path is refused")
{
    for (const std::string& name :
         {std::string{}, std::string{"a/b"}, std::string{"a\0b", 3}, std::string(1024, 'x')}) {
        CHECK_FALSE(decode<DirEntry>(encoded(DirEntry{.name = name})).ok());
    }
    CHECK(decode<DirEntry>(encoded(DirEntry{.name = std::string(1023, 'x')})).ok());
}

TEST_CASE("extents that overlap, run backwards or wrap around are refused")
{
    const auto accepted = [](std::vector<Extent> extents) {
        return decode<FileExtents>(encoded(FileExtents{0, 1 << 20, std::move(extents)})).ok();
    };
    CHECK(accepted({{0, 4096, 0}, {4096, 4096, 8192}}));
    CHECK_FALSE(accepted({{0, 8192, 0}, {4096, 4096, 65536}}));
    CHECK_FALSE(accepted({{4096, 4096, 0}, {0, 4096, 65536}}));
    CHECK_FALSE(accepted({{0, 0, 0}}));
    CHECK_FALSE(accepted({{~0ULL - 4095, 8192, 0}}));
    CHECK_FALSE(accepted({{0, 8192, ~0ULL - 4095}}));
}

TEST_CASE("an attribute of no known file type is refused")
{
    Attr attr = some_file();
    CHECK(decode<Attr>(encoded(attr)).ok());
    attr.mode = 0644;
    CHECK_FALSE(decode<Attr>(encoded(attr)).ok());
}

TEST_CASE("a frame header that announces more than a message may hold is refused")
{
    FrameHeader header{.magic = kFrameMagic,
                       .kind = FrameKind::reply,
                       .procedure = 63,
                       .request = RequestId{1},
                       .body_size = 4,
                       .bulk_size = static_cast<std::uint32_t>(kMaxMessage - kHeaderSize - 4)};
    CHECK(decode_header(encoded(header)).ok());
    ++header.bulk_size;
    CHECK(decode_header(encoded(header)).error().errno_value == EMSGSIZE);
    header.bulk_size = 0xffffffff;
    header.body_size = 0xffffffff;
    CHECK(decode_header(encoded(header)).error().errno_value == EMSGSIZE);
    header = {.magic = 1};
    CHECK(decode_header(encoded(header)).error().errno_value == EPROTO);
}

TEST_CASE("only the call that carries a key is secret, and a secret bulk can be handed on")
{
    CHECK(Procedures::is_secret(OpenEncrypted::id));
    CHECK_FALSE(Procedures::is_secret(Write::id));
    Bulk moved;
    {
        Bulk bulk = Bulk::allocate(4);
        std::memcpy(bulk.writable().data(), "key", 4);
        bulk.make_secret();
        moved = std::move(bulk);
    }
    CHECK(std::memcmp(moved.bytes().data(), "key", 4) == 0);
}

TEST_CASE("the fingerprint depends on ids, names and field shapes")
{
    using A = Sample<1, std::uint32_t>;
    CHECK(Table<A>::fingerprint() != Table<Sample<1, std::uint64_t>>::fingerprint());
    CHECK(Table<A>::fingerprint() != Table<Sample<2, std::uint32_t>>::fingerprint());
    CHECK_FALSE(Table<A, Sample<1, std::uint64_t>>::ids_are_unique());
}
