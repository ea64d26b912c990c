// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/guest/keyslot.hpp"

#include <algorithm>
#include <argon2.h>
#include <array>
#include <cstring>
#include <endian.h>
#include <functional>
#include <gcrypt.h>
#include <memory>
#include <string>
#include <vector>

namespace gm {
namespace {

constexpr std::size_t kSector = 512;
constexpr std::string_view kAreaCipher = "aes-xts-plain64";
// Limits for what a disk may ask of the host. cryptsetup(8) makes nothing beyond the memory and aims at two seconds.
constexpr std::uint32_t kMostMemory = 1U << 20;       // KiB
constexpr std::uint64_t kMostFilled = 16ULL << 20;    // KiB, in all passes
constexpr std::uint64_t kMostIterations = 20'000'000; // of PBKDF2
constexpr std::uint32_t kMostLanes = 8;

// libgcrypt asks to be set up once, before its first use. No locked memory: secrets here live for moments.
void prepare_library()
{
    static const bool ready = [] {
        ::gcry_check_version(nullptr);
        ::gcry_control(GCRYCTL_DISABLE_SECMEM, 0);
        ::gcry_control(GCRYCTL_INITIALIZATION_FINISHED, 0);
        return true;
    }();
    static_cast<void>(ready);
}

int hash_by_name(const std::string& name)
{
    prepare_library();
    return ::gcry_md_map_name(name.c_str());
}

// Zeroed bytes that are wiped.
struct SecretBytes {
    explicit SecretBytes(std::size_t size) : bytes(size) {}
    ~SecretBytes() { ::explicit_bzero(bytes.data(), bytes.size()); }
    SecretBytes(const SecretBytes&) = delete;
    SecretBytes& operator=(const SecretBytes&) = delete;

    std::vector<unsigned char> bytes;
};

bool is_argon2(const rpc::KeyDerivation& derivation)
{
    return derivation.function == "argon2id" || derivation.function == "argon2i";
}

bool can_derive(const rpc::KeyDerivation& derivation)
{
    if (is_argon2(derivation)) {
        return derivation.lanes >= 1 && derivation.lanes <= kMostLanes && derivation.memory_kib <= kMostMemory &&
               derivation.memory_kib >= 8 * derivation.lanes && derivation.iterations >= 1 &&
               derivation.iterations <= kMostFilled / derivation.memory_kib;
    }
    return derivation.function == "pbkdf2" && derivation.iterations >= 1 && derivation.iterations <= kMostIterations &&
           hash_by_name(derivation.hash) != 0;
}

Result<void> derive(const rpc::KeyDerivation& derivation, std::string_view secret, std::span<unsigned char> key)
{
    if (is_argon2(derivation)) {
        const auto type = derivation.function == "argon2id" ? Argon2_id : Argon2_i;
        const int outcome =
            ::argon2_hash(static_cast<std::uint32_t>(derivation.iterations), derivation.memory_kib, derivation.lanes,
                          secret.data(), secret.size(), derivation.salt.data(), derivation.salt.size(), key.data(),
                          key.size(), nullptr, 0, type, ARGON2_VERSION_13);
        if (outcome == ARGON2_MEMORY_ALLOCATION_ERROR) {
            return make_error(ENOMEM, "the key derivation needs {} MiB of memory", derivation.memory_kib >> 10U);
        }
        if (outcome != ARGON2_OK) {
            return make_error(EOPNOTSUPP, "argon2: {}", ::argon2_error_message(outcome));
        }
        return {};
    }
    const gcry_error_t outcome = ::gcry_kdf_derive(
        secret.data(), secret.size(), GCRY_KDF_PBKDF2, hash_by_name(derivation.hash), derivation.salt.data(),
        derivation.salt.size(), static_cast<unsigned long>(derivation.iterations), key.size(), key.data());
    if (outcome != 0) {
        return make_error(EOPNOTSUPP, "pbkdf2: {}", ::gcry_strerror(outcome));
    }
    return {};
}

// AES-XTS over sectors of 512 bytes that count from 0.
Result<void> decrypt(std::span<const unsigned char> key, std::span<const std::byte> from, std::span<unsigned char> to)
{
    gcry_cipher_hd_t raw = nullptr;
    const int algorithm = key.size() == 64 ? GCRY_CIPHER_AES256 : GCRY_CIPHER_AES128;
    gcry_error_t outcome = ::gcry_cipher_open(&raw, algorithm, GCRY_CIPHER_MODE_XTS, 0);
    const std::unique_ptr<std::remove_pointer_t<gcry_cipher_hd_t>, decltype(&::gcry_cipher_close)> cipher(
        raw, &::gcry_cipher_close);
    if (outcome == 0) {
        outcome = ::gcry_cipher_setkey(raw, key.data(), key.size());
    }
    for (std::size_t offset = 0; outcome == 0 && offset < from.size(); offset += kSector) {
        const std::array<std::uint64_t, 2> tweak{htole64(offset / kSector), 0};
        outcome = ::gcry_cipher_setiv(raw, tweak.data(), sizeof tweak);
        if (outcome == 0) {
            outcome = ::gcry_cipher_decrypt(raw, to.data() + offset, kSector, from.data() + offset, kSector);
        }
    }
    if (outcome != 0) {
        return make_error(EOPNOTSUPP, "{}: {}", kAreaCipher, ::gcry_strerror(outcome));
    }
    return {};
}

// H1 of the anti-forensic splitter: each block of the size of the hash becomes the hash of its number and itself.
void diffuse(int hash, std::span<unsigned char> block)
{
    const std::size_t digest_size = ::gcry_md_get_algo_dlen(hash);
    SecretBytes input(sizeof(std::uint32_t) + digest_size);
    SecretBytes digest(digest_size);
    std::uint32_t number = 0;
    for (std::size_t offset = 0; offset < block.size(); offset += digest_size, ++number) {
        const auto part = block.subspan(offset, std::min(digest_size, block.size() - offset));
        const std::uint32_t counter = htobe32(number);
        std::memcpy(input.bytes.data(), &counter, sizeof counter);
        std::ranges::copy(part, input.bytes.begin() + sizeof counter);
        ::gcry_md_hash_buffer(hash, digest.bytes.data(), input.bytes.data(), sizeof counter + part.size());
        std::copy_n(digest.bytes.begin(), part.size(), part.begin());
    }
}

void merge(int hash, std::span<const unsigned char> stripes, std::span<unsigned char> key)
{
    std::ranges::fill(key, 0);
    for (std::size_t offset = 0; offset < stripes.size(); offset += key.size()) {
        if (offset != 0) {
            diffuse(hash, key);
        }
        std::ranges::transform(key, stripes.subspan(offset, key.size()), key.begin(), std::bit_xor<>());
    }
}

std::size_t area_size(const rpc::Keyslot& slot)
{
    const std::size_t split = std::size_t{slot.volume_key_size} * slot.stripes;
    return (split + kSector - 1) / kSector * kSector;
}

} // namespace

bool can_derive(const rpc::Keyslot& slot)
{
    return slot.cipher == kAreaCipher && (slot.area_key_size == 32 || slot.area_key_size == 64) &&
           can_derive(slot.derivation) && slot.digest_derivation.function == "pbkdf2" &&
           can_derive(slot.digest_derivation) && hash_by_name(slot.split_hash) != 0;
}

Result<std::optional<Secret>> volume_key(const rpc::Keyslot& slot, std::span<const std::byte> material,
                                         std::string_view passphrase)
{
    if (!can_derive(slot)) {
        return make_error(EOPNOTSUPP, "a keyslot of a kind that is not known here");
    }
    if (material.size() < area_size(slot)) {
        return make_error(EINVAL, "the area of a keyslot is too small");
    }
    SecretBytes area_key(slot.area_key_size);
    GM_TRY(derive(slot.derivation, passphrase, area_key.bytes));
    SecretBytes area(area_size(slot));
    GM_TRY(decrypt(area_key.bytes, material.first(area.bytes.size()), area.bytes));
    SecretBytes key(slot.volume_key_size);
    merge(hash_by_name(slot.split_hash), std::span{area.bytes}.first(std::size_t{slot.volume_key_size} * slot.stripes),
          key.bytes);

    const std::string_view candidate{reinterpret_cast<const char*>(key.bytes.data()), key.bytes.size()};
    SecretBytes digest(slot.digest.size());
    GM_TRY(derive(slot.digest_derivation, candidate, digest.bytes));
    if (!std::ranges::equal(digest.bytes, slot.digest,
                            [](unsigned char a, char b) { return a == static_cast<unsigned char>(b); })) {
        return std::optional<Secret>{};
    }
    return std::optional<Secret>{std::in_place, candidate};
}

} // namespace gm
