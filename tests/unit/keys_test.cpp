// SPDX-License-Identifier: GPL-2.0-or-later
#include "mount/keys.hpp"
#include "tests/support/scratch.hpp"

#include <doctest/doctest.h>

using namespace gm;
using namespace gm::mount;
using namespace gm::test;

namespace {

std::string complaint(const char* text)
{
    const auto key = VolumeKey::parse(text);
    return key.ok() ? "" : key.error().text;
}

VolumeKey key_of(const std::string& id)
{
    return VolumeKey::parse((id + ":key:x").c_str()).take_value();
}

} // namespace

TEST_SUITE("unit")
{
    TEST_CASE("a key is all that follows the second colon")
    {
        const auto key = VolumeKey::parse("/dev/sda2:key:pass:with::colons:");
        REQUIRE(key.ok());
        CHECK(key->id == "/dev/sda2");
        CHECK(key->bytes.text() == "pass:with::colons:");
        CHECK(VolumeKey::parse("all:file:/a:b")->file == "/a:b");
    }

    TEST_CASE("what is no key is refused without repeating it")
    {
        for (const char* text : {"", "secret", "all:", ":key:secret", "all:secret", "all:keys:secret"}) {
            CAPTURE(text);
            CHECK(complaint(text) != "");
            CHECK(complaint(text).find("secret") == std::string::npos);
        }
        CHECK(complaint("all:key:").find("empty") != std::string::npos);
        CHECK(complaint("all:clevis").find("clevis") != std::string::npos);
    }

    TEST_CASE("the content of a file is a key without its final line end, and with it")
    {
        const Scratch folder("keys");
        const std::string binary("bin\0ary\r", 8);
        write_file(folder / "line", "word\n");
        write_file(folder / "plain", binary);
        write_file(folder / "end", "\n");
        write_file(folder / "empty", "");
        std::vector<VolumeKey> keys;
        for (const char* leaf : {"line", "plain", "end"}) {
            keys.push_back(VolumeKey::parse(("all:file:" + (folder / leaf)).c_str()).take_value());
        }
        REQUIRE(load_key_files(keys).ok());
        REQUIRE(keys.size() == 4);
        CHECK(keys[0].bytes.text() == "word");
        CHECK(keys[1].bytes.text() == "word\n");
        CHECK(keys[2].bytes.text() == binary);
        CHECK(keys[3].bytes.text() == "\n");
        for (const char* leaf : {"empty", "missing"}) {
            keys.clear();
            keys.push_back(VolumeKey::parse(("all:file:" + (folder / leaf)).c_str()).take_value());
            CHECK(load_key_files(keys).error().text.find(leaf) != std::string::npos);
        }
    }

    TEST_CASE("a key is for the volume that it names, by whichever name")
    {
        const rpc::EncryptedVolume volume{.device = "/dev/vg/lv",
                                          .names = {"/dev/vg/lv", "/dev/mapper/vg-lv", "/dev/mapper/luks-0a"},
                                          .uuid = "0a",
                                          .kind = "LUKS2",
                                          .opened = ""};
        for (const char* id :
             {"all", "/dev/vg/lv", "/dev/mapper/vg-lv", "/dev/mapper/luks-0a", "0a", "0A", "UUID=0A"}) {
            CAPTURE(id);
            CHECK(is_for(key_of(id), volume));
        }
        for (const char* id : {"/dev/vg", "0", "ALL", "/dev/sda2", "UUID="}) {
            CAPTURE(id);
            CHECK_FALSE(is_for(key_of(id), volume));
        }
        CHECK(is_for(key_of("/dev/vda2"), {.device = "/dev/sda2", .names = {"/dev/sda2"}}));
        CHECK_FALSE(is_for(key_of("/dev/sda2"), {.device = "/dev/sda1", .names = {"/dev/sda1"}}));
    }

    TEST_CASE("keys are overwritten in the arguments of the process")
    {
        std::string words[] = {"guestmount", "--key",   "/dev/sda:key:secret", "--key=all:key:se:cret",
                               "--key",      "a:file:f"};
        std::vector<char*> argv;
        for (auto& word : words) {
            argv.push_back(word.data());
        }
        hide_secrets(static_cast<int>(argv.size()), argv.data());
        CHECK(words[2] == "/dev/sda:key:xxxxxx");
        CHECK(words[3] == "--key=all:key:xxxxxxx");
        CHECK(words[5] == "a:file:f");
    }
}
