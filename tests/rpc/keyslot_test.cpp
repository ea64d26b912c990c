// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/guest/keyslot.hpp"
#include "daemon/luks_header.hpp"
#include "tests/support/program.hpp"
#include "tests/support/scratch.hpp"

#include <doctest/doctest.h>
#include <filesystem>

using namespace gm;
using namespace gm::test;

namespace {

const std::string kPassphrase = "a passphrase: with colons";

// A LUKS volume in a file, made by cryptsetup(8), and its volume key as cryptsetup tells it.
class LuksFile {
public:
    explicit LuksFile(const std::vector<std::string>& options) : folder_("luks"), path_(folder_ / "volume.img")
    {
        write_file(folder_ / "passphrase", kPassphrase);
        write_file(path_, "");
        std::filesystem::resize_file(path_, 20 << 20);
        cryptsetup({"luksFormat"}, options, {folder_ / "passphrase"});
    }

    void add_key(const std::string& passphrase, const std::vector<std::string>& options)
    {
        write_file(folder_ / "another", passphrase);
        cryptsetup({"luksAddKey", "--key-file", folder_ / "passphrase"}, options, {folder_ / "another"});
    }

    std::string key_by_cryptsetup()
    {
        cryptsetup({"luksDump", "--dump-volume-key", "--volume-key-file", folder_ / "key"},
                   {"--key-file", folder_ / "passphrase"}, {});
        return content_of(folder_ / "key");
    }

    // By each keyslot in turn, as the engine does it.
    std::optional<std::string> key_by_us(std::string_view passphrase)
    {
        const auto header = daemon::read_luks_header(path_);
        REQUIRE_MESSAGE(header.ok(), problem(header));
        const std::string all = content_of(path_);
        for (const auto& slot : header->keyslots) {
            REQUIRE(can_derive(slot.keyslot));
            const auto area = std::string_view{all}.substr(slot.area_offset, slot.area_size);
            const auto key = volume_key(slot.keyslot, std::as_bytes(std::span{area}), passphrase);
            REQUIRE_MESSAGE(key.ok(), problem(key));
            if (*key) {
                return std::string{(*key)->text()};
            }
        }
        return std::nullopt;
    }

    [[nodiscard]] const std::string& path() const { return path_; }

private:
    void cryptsetup(std::vector<std::string> argv, const std::vector<std::string>& options,
                    const std::vector<std::string>& last)
    {
        argv.insert(argv.begin(), {"/sbin/cryptsetup", "--batch-mode"});
        argv.insert(argv.end(), options.begin(), options.end());
        argv.push_back(path_);
        argv.insert(argv.end(), last.begin(), last.end());
        must_run(argv);
    }

    Scratch folder_;
    std::string path_;
};

const std::vector<std::string> kCheapArgon{"--pbkdf",          "argon2id", "--pbkdf-memory",           "32768",
                                           "--pbkdf-parallel", "4",        "--pbkdf-force-iterations", "4"};
const std::vector<std::string> kCheapPbkdf2{"--pbkdf", "pbkdf2", "--pbkdf-force-iterations", "1000"};

std::vector<std::string> operator+(std::vector<std::string> first, const std::vector<std::string>& second)
{
    first.insert(first.end(), second.begin(), second.end());
    return first;
}

} // namespace

TEST_SUITE("rpc")
{
    TEST_CASE("the volume key that is derived from a keyslot is the one that cryptsetup derives")
    {
        const std::vector<std::string> luks1{"--type", "luks1", "--pbkdf-force-iterations", "1000"};
        const std::vector<std::string> luks2{"--type", "luks2"};
        const std::vector<std::vector<std::string>> kinds{
            luks2 + kCheapArgon,
            luks2 + kCheapPbkdf2,
            luks2 + kCheapPbkdf2 + std::vector<std::string>{"--hash", "sha512", "--key-size", "256"},
            luks2 + std::vector<std::string>{"--pbkdf", "argon2i", "--pbkdf-memory", "1024", "--pbkdf-parallel", "1",
                                             "--pbkdf-force-iterations", "5", "--sector-size", "4096"},
            luks1,
            luks1 + std::vector<std::string>{"--hash", "sha1", "--key-size", "256"},
        };
        for (const auto& kind : kinds) {
            CAPTURE(fmt::format("{}", fmt::join(kind, " ")));
            LuksFile file(kind);
            CHECK(file.key_by_us(kPassphrase) == file.key_by_cryptsetup());
            CHECK_FALSE(file.key_by_us("another passphrase").has_value());
        }
    }

    TEST_CASE("each passphrase of a volume with several keyslots opens it")
    {
        LuksFile file({"--type", "luks2", "--pbkdf", "pbkdf2", "--pbkdf-force-iterations", "1000"});
        file.add_key("second", kCheapArgon);
        const auto key = file.key_by_cryptsetup();
        CHECK(file.key_by_us(kPassphrase) == key);
        CHECK(file.key_by_us("second") == key);
        CHECK_FALSE(file.key_by_us("third").has_value());
    }

    TEST_CASE("a LUKS2 header whose copies differ is left to cryptsetup, which repairs it")
    {
        const LuksFile file({"--type", "luks2", "--pbkdf", "pbkdf2", "--pbkdf-force-iterations", "1000"});
        std::string bytes = content_of(file.path());
        REQUIRE(daemon::parse_luks_header(bytes).ok());
        bytes[4096 + 100] = static_cast<char>(bytes[4096 + 100] ^ 1);
        const auto damaged = daemon::parse_luks_header(bytes);
        REQUIRE_FALSE(damaged.ok());
        CHECK(damaged.error().errno_value == EOPNOTSUPP);
    }

    TEST_CASE("a keyslot that would cost the host minutes or gigabytes is not derived here")
    {
        rpc::Keyslot slot{.derivation = {.function = "argon2id",
                                         .iterations = 4,
                                         .memory_kib = 1 << 20,
                                         .lanes = 4,
                                         .salt = std::string(32, 's')},
                          .cipher = "aes-xts-plain64",
                          .area_key_size = 64,
                          .split_hash = "sha256",
                          .stripes = 4000,
                          .volume_key_size = 64,
                          .digest_derivation = {.function = "pbkdf2",
                                                .hash = "sha256",
                                                .iterations = 1000,
                                                .salt = std::string(32, 's')},
                          .digest = std::string(32, 'd')};
        CHECK(can_derive(slot));
        SUBCASE("memory")
        {
            slot.derivation.memory_kib = 4 << 20;
        }
        SUBCASE("passes")
        {
            slot.derivation.iterations = 1000;
        }
        SUBCASE("lanes")
        {
            slot.derivation.lanes = 1 << 20;
        }
        SUBCASE("no lane")
        {
            slot.derivation.lanes = 0;
        }
        SUBCASE("iterations of its digest")
        {
            slot.digest_derivation.iterations = UINT64_MAX;
        }
        SUBCASE("an unknown hash")
        {
            slot.split_hash = "sha257";
        }
        SUBCASE("an unknown cipher")
        {
            slot.cipher = "serpent-xts-plain64";
        }
        CHECK_FALSE(can_derive(slot));
        const auto key = volume_key(slot, {}, "x");
        REQUIRE_FALSE(key.ok());
        CHECK(key.error().errno_value == EOPNOTSUPP);
    }

    TEST_CASE("no LUKS header is believed beyond its bounds")
    {
        CHECK_FALSE(daemon::parse_luks_header("").ok());
        CHECK_FALSE(daemon::parse_luks_header(std::string{"LUKS\xba\xbe\0\1", 8}).ok());
        const LuksFile file({"--type", "luks1", "--pbkdf-force-iterations", "1000"});
        const std::string good = content_of(file.path()).substr(0, 592);
        REQUIRE(daemon::parse_luks_header(good).ok());
        for (std::size_t size = 0; size < good.size(); ++size) {
            CHECK_FALSE(daemon::parse_luks_header(std::string_view{good}.substr(0, size)).ok());
        }
        std::string many_stripes = good;
        many_stripes[208 + 44] = '\x7f';
        CHECK_FALSE(daemon::parse_luks_header(many_stripes).ok());
    }
}
