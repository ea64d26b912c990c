// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/luks_header.hpp"

#include "core/base/syscall.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <optional>
#include <unistd.h>

namespace gm::daemon {
namespace {

using Json = nlohmann::json;

constexpr std::string_view kMagic{"LUKS\xba\xbe", 6};
constexpr std::string_view kSecondMagic{"SKUL\xba\xbe", 6};
constexpr std::uint64_t kSector = 512;
constexpr std::size_t kMostKeyslots = 32;

Error not_plain(std::string_view what)
{
    return make_error(EOPNOTSUPP, "a LUKS header with {}", what);
}

// --- Big-endian numbers and padded texts at fixed places ----------------------------------------------------------

template <typename Number>
Number number_at(std::string_view bytes, std::size_t offset)
{
    Number number = 0;
    for (std::size_t i = 0; i < sizeof(Number); ++i) {
        number = static_cast<Number>(number << 8U) | static_cast<unsigned char>(bytes[offset + i]);
    }
    return number;
}

std::string text_at(std::string_view bytes, std::size_t offset, std::size_t size)
{
    const auto field = bytes.substr(offset, size);
    return std::string{field.substr(0, field.find('\0'))};
}

// --- LUKS1 --------------------------------------------------------------------------------------------------------

constexpr std::size_t kLuks1Header = 592;
constexpr std::size_t kLuks1Slots = 8;
constexpr std::size_t kLuks1FirstSlot = 208;
constexpr std::size_t kLuks1Slot = 48;
constexpr std::uint32_t kLuks1Active = 0x00ac71f3;

Result<LuksHeader> parse_luks1(std::string_view bytes)
{
    if (bytes.size() < kLuks1Header) {
        return not_plain("a missing part");
    }
    const std::string cipher = text_at(bytes, 8, 32) + "-" + text_at(bytes, 40, 32);
    const std::string hash = text_at(bytes, 72, 32);
    LuksHeader header{.version = 1,
                      .key_size = number_at<std::uint32_t>(bytes, 108),
                      .keyslots = {},
                      .segment = {.cipher = cipher, .offset = number_at<std::uint32_t>(bytes, 104) * kSector}};
    const rpc::KeyDerivation digest{.function = "pbkdf2",
                                    .hash = hash,
                                    .iterations = number_at<std::uint32_t>(bytes, 164),
                                    .salt = std::string{bytes.substr(132, 32)}};
    for (std::size_t i = 0; i < kLuks1Slots; ++i) {
        const std::size_t slot = kLuks1FirstSlot + i * kLuks1Slot;
        if (number_at<std::uint32_t>(bytes, slot) != kLuks1Active) {
            continue;
        }
        const rpc::Keyslot keyslot{.derivation = {.function = "pbkdf2",
                                                  .hash = hash,
                                                  .iterations = number_at<std::uint32_t>(bytes, slot + 4),
                                                  .salt = std::string{bytes.substr(slot + 8, 32)}},
                                   .cipher = cipher,
                                   .area_key_size = header.key_size,
                                   .split_hash = hash,
                                   .stripes = number_at<std::uint32_t>(bytes, slot + 44),
                                   .volume_key_size = header.key_size,
                                   .digest_derivation = digest,
                                   .digest = std::string{bytes.substr(112, 20)}};
        if (!keyslot.valid()) {
            return not_plain("a keyslot out of bounds");
        }
        const std::uint64_t size = std::uint64_t{keyslot.volume_key_size} * keyslot.stripes;
        header.keyslots.push_back({.keyslot = keyslot,
                                   .area_offset = number_at<std::uint32_t>(bytes, slot + 40) * kSector,
                                   .area_size = (size + kSector - 1) / kSector * kSector});
    }
    return header;
}

// --- LUKS2: JSON with numbers beyond 32 bits as texts, and bytes as base64 ----------------------------------------

constexpr std::size_t kLuks2Binary = 4096;

const Json* member(const Json& object, const char* name)
{
    const auto found = object.is_object() ? object.find(name) : object.end();
    return object.is_object() && found != object.end() ? &*found : nullptr;
}

std::optional<std::string> text(const Json& object, const char* name)
{
    const auto* value = member(object, name);
    return value != nullptr && value->is_string() ? std::optional{value->get<std::string>()} : std::nullopt;
}

std::optional<std::uint64_t> number(const Json& object, const char* name)
{
    const auto* value = member(object, name);
    if (value != nullptr && value->is_number_unsigned()) {
        return value->get<std::uint64_t>();
    }
    const auto digits = text(object, name).value_or("");
    std::uint64_t parsed = 0;
    const auto [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), parsed);
    return failure == std::errc{} && end == digits.data() + digits.size() ? std::optional{parsed} : std::nullopt;
}

std::uint32_t small_number(const Json& object, const char* name)
{
    const auto value = number(object, name).value_or(0);
    return value <= UINT32_MAX ? static_cast<std::uint32_t>(value) : 0;
}

std::optional<std::string> base64(const Json& object, const char* name)
{
    constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const auto encoded = text(object, name);
    if (!encoded) {
        return std::nullopt;
    }
    std::string bytes;
    std::uint32_t bits = 0;
    unsigned count = 0;
    for (const char c : std::string_view{*encoded}.substr(0, encoded->find('='))) {
        const auto value = kAlphabet.find(c);
        if (value == std::string_view::npos) {
            return std::nullopt;
        }
        bits = (bits << 6U) | static_cast<std::uint32_t>(value);
        count += 6;
        if (count >= 8) {
            count -= 8;
            bytes.push_back(static_cast<char>((bits >> count) & 0xffU));
        }
    }
    return bytes;
}

std::optional<rpc::KeyDerivation> derivation(const Json& kdf)
{
    const auto function = text(kdf, "type");
    auto salt = base64(kdf, "salt");
    if (!function || !salt) {
        return std::nullopt;
    }
    const bool pbkdf2 = *function == "pbkdf2";
    rpc::KeyDerivation parsed{.function = *function,
                              .hash = text(kdf, "hash").value_or(""),
                              .iterations = number(kdf, pbkdf2 ? "iterations" : "time").value_or(0),
                              .memory_kib = small_number(kdf, "memory"),
                              .lanes = small_number(kdf, "cpus"),
                              .salt = std::move(*salt)};
    return parsed.valid() ? std::optional{std::move(parsed)} : std::nullopt;
}

bool lists(const Json& array, const std::string& name)
{
    return array.is_array() && std::ranges::any_of(array, [&](const Json& item) { return item == name; });
}

struct VolumeDigest {
    rpc::KeyDerivation derivation;
    std::string digest;
    const Json* keyslots = nullptr;
};

Result<VolumeDigest> digest_of_segment(const Json& root, const std::string& segment)
{
    const auto* digests = member(root, "digests");
    if (digests != nullptr && digests->is_object()) {
        for (const auto& item : *digests) {
            const auto* segments = member(item, "segments");
            const auto* keyslots = member(item, "keyslots");
            auto kdf = derivation(item);
            auto bytes = base64(item, "digest");
            if (segments != nullptr && keyslots != nullptr && kdf && bytes && lists(*segments, segment)) {
                return VolumeDigest{.derivation = std::move(*kdf), .digest = std::move(*bytes), .keyslots = keyslots};
            }
        }
    }
    return not_plain("no digest of its key");
}

Result<LuksSegment> segment_of(const Json& item)
{
    const auto encryption = text(item, "encryption");
    const auto offset = number(item, "offset");
    const bool dynamic = text(item, "size") == "dynamic";
    const auto size = dynamic ? std::optional<std::uint64_t>{0} : number(item, "size");
    const auto first_iv = number(item, "iv_tweak");
    const auto sector_size = small_number(item, "sector_size");
    if (text(item, "type") != "crypt" || member(item, "integrity") != nullptr || member(item, "flags") != nullptr ||
        !encryption || !offset || !size || !first_iv || sector_size < kSector || sector_size > 4096 ||
        (!dynamic && *size == 0)) {
        return not_plain("a segment of another kind");
    }
    return LuksSegment{
        .cipher = *encryption, .offset = *offset, .size = *size, .first_iv = *first_iv, .sector_size = sector_size};
}

Result<LuksKeyslot> keyslot_of(const Json& item, const VolumeDigest& digest)
{
    const auto* area = member(item, "area");
    const auto* split = member(item, "af");
    const auto* kdf = member(item, "kdf");
    auto parsed = kdf != nullptr ? derivation(*kdf) : std::nullopt;
    if (area == nullptr || split == nullptr || !parsed || text(item, "type") != "luks2" ||
        text(*area, "type") != "raw" || text(*split, "type") != "luks1") {
        return not_plain("a keyslot of another kind");
    }
    LuksKeyslot slot{.keyslot = {.derivation = std::move(*parsed),
                                 .cipher = text(*area, "encryption").value_or(""),
                                 .area_key_size = small_number(*area, "key_size"),
                                 .split_hash = text(*split, "hash").value_or(""),
                                 .stripes = small_number(*split, "stripes"),
                                 .volume_key_size = small_number(item, "key_size"),
                                 .digest_derivation = digest.derivation,
                                 .digest = digest.digest},
                     .area_offset = number(*area, "offset").value_or(0),
                     .area_size = 0};
    if (!slot.keyslot.valid() || slot.area_offset == 0) {
        return not_plain("a keyslot out of bounds");
    }
    const std::uint64_t size = std::uint64_t{slot.keyslot.volume_key_size} * slot.keyslot.stripes;
    slot.area_size = (size + kSector - 1) / kSector * kSector;
    return slot;
}

Result<LuksHeader> parse_json(const Json& root)
{
    const auto* config = member(root, "config");
    const auto* segments = member(root, "segments");
    const auto* keyslots = member(root, "keyslots");
    if (config == nullptr || segments == nullptr || keyslots == nullptr || !keyslots->is_object() ||
        keyslots->size() > kMostKeyslots || !segments->is_object() || segments->size() != 1) {
        return not_plain("other than one segment");
    }
    const auto* requirements = member(*config, "requirements");
    const auto* mandatory = requirements != nullptr ? member(*requirements, "mandatory") : nullptr;
    if (mandatory != nullptr && !mandatory->empty()) {
        return not_plain("requirements");
    }
    LuksHeader header{.version = 2};
    header.segment = GM_TRY(segment_of(segments->begin().value()));
    const auto* flags = member(*config, "flags");
    header.segment.discards = flags != nullptr && lists(*flags, "allow-discards");
    const VolumeDigest digest = GM_TRY(digest_of_segment(root, segments->begin().key()));
    std::vector<LuksKeyslot> normal;
    for (const auto& [name, item] : keyslots->items()) {
        const auto priority = number(item, "priority").value_or(1);
        if (priority != 0 && lists(*digest.keyslots, name)) {
            auto slot = GM_TRY(keyslot_of(item, digest));
            header.key_size = slot.keyslot.volume_key_size;
            (priority > 1 ? header.keyslots : normal).push_back(std::move(slot));
        }
    }
    std::ranges::move(normal, std::back_inserter(header.keyslots));
    return header;
}

Result<LuksHeader> parse_luks2(std::string_view bytes)
{
    if (bytes.size() < kLuks2Binary) {
        return not_plain("a missing part");
    }
    const auto size = number_at<std::uint64_t>(bytes, 8);
    if (size <= kLuks2Binary || size > bytes.size() / 2) {
        return not_plain("an unusual size");
    }
    // Checksums are not checked: two equal copies say as much.
    const auto second = bytes.substr(size, size);
    const auto json = bytes.substr(kLuks2Binary, size - kLuks2Binary);
    if (!second.starts_with(kSecondMagic) ||
        number_at<std::uint64_t>(bytes, 16) != number_at<std::uint64_t>(second, 16) ||
        json != second.substr(kLuks2Binary)) {
        return not_plain("copies that differ");
    }
    const Json root = Json::parse(json.substr(0, json.find('\0')), nullptr, false);
    if (root.is_discarded()) {
        return not_plain("broken JSON");
    }
    return parse_json(root);
}

} // namespace

Result<LuksHeader> parse_luks_header(std::string_view bytes)
{
    if (bytes.size() < kMagic.size() + sizeof(std::uint16_t) || !bytes.starts_with(kMagic)) {
        return not_plain("no magic");
    }
    switch (number_at<std::uint16_t>(bytes, kMagic.size())) {
    case 1:
        return parse_luks1(bytes);
    case 2:
        return parse_luks2(bytes);
    default:
        return not_plain("an unknown version");
    }
}

Result<LuksHeader> read_luks_header(const std::string& path)
{
    const UniqueFd device = GM_TRY(open_file(path, O_RDONLY));
    std::string bytes(kLuks2Binary, '\0');
    const auto fill = [&]() -> Result<void> {
        const auto got = GM_TRY(sys([&] { return ::pread(device.get(), bytes.data(), bytes.size(), 0); },
                                    [&] { return fmt::format("read '{}'", path); }));
        bytes.resize(static_cast<std::size_t>(got));
        return {};
    };
    GM_TRY(fill());
    if (bytes.size() == kLuks2Binary && number_at<std::uint16_t>(bytes, kMagic.size()) == 2) {
        const auto size = number_at<std::uint64_t>(bytes, 8);
        if (size <= kMostOfLuksHeader / 2) {
            bytes.resize(size * 2);
            GM_TRY(fill());
        }
    }
    return parse_luks_header(bytes);
}

} // namespace gm::daemon
