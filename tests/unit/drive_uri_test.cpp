// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/guest/drive_uri.hpp"
#include "mount/keys.hpp"

#include <doctest/doctest.h>

namespace {

using namespace gm;
using Json = nlohmann::json;

Json protocol_of(std::string_view uri)
{
    const auto parsed = parse_drive_uri(uri);
    REQUIRE_MESSAGE(parsed.ok(), uri);
    REQUIRE(parsed.value().remote.has_value());
    return parsed.value().remote->protocol;
}

TEST_SUITE("drive uri")
{
    TEST_CASE("paths are no URIs, whatever they contain")
    {
        for (const char* path : {"disk.img", "/a/b:c", "./nbd:x", "a b://c", "://x", "C:\\disk"}) {
            CHECK_FALSE(is_drive_uri(path));
        }
        CHECK(is_drive_uri("nbd+unix:///?socket=/s"));
    }

    TEST_CASE("a file URI is a path")
    {
        CHECK(parse_drive_uri("file:///tmp/a%20b%25.img").value().local_path == "/tmp/a b%.img");
        CHECK(parse_drive_uri("file://localhost/x").value().local_path == "/x");
        CHECK_FALSE(parse_drive_uri("file://server/x").ok());
    }

    TEST_CASE("each kind of remote disk has qemu's options")
    {
        CHECK(protocol_of("nbd://example.com/vol") ==
              R"({"driver":"nbd","server":{"type":"inet","host":"example.com","port":"10809"},"export":"vol"})"_json);
        CHECK(protocol_of("nbd://[::1]:10") ==
              R"({"driver":"nbd","server":{"type":"inet","host":"::1","port":"10"},"export":""})"_json);
        CHECK(protocol_of("nbd+unix:///vol?socket=/run/nbd%20sock") ==
              R"({"driver":"nbd","server":{"type":"unix","path":"/run/nbd sock"},"export":"vol"})"_json);
        CHECK(protocol_of("https://example.com:81/d.img?x=1") ==
              R"({"driver":"https","url":"https://example.com:81/d.img?x=1"})"_json);
        CHECK(protocol_of("ssh://me@example.com/srv/d.img") ==
              R"({"driver":"ssh","user":"me","path":"/srv/d.img","server":{"host":"example.com","port":"22"}})"_json);
        CHECK(protocol_of("rbd:///pool/image") == R"({"driver":"rbd","pool":"pool","image":"image"})"_json);
        CHECK(protocol_of("rbd://mon:6790/pool/image") ==
              R"({"driver":"rbd","pool":"pool","image":"image","server":[{"host":"mon","port":"6790"}]})"_json);
        CHECK(
            protocol_of("iscsi://example.com/iqn.2020-01.org:t/3") ==
            R"({"driver":"iscsi","transport":"tcp","portal":"example.com","target":"iqn.2020-01.org:t","lun":3})"_json);
    }

    TEST_CASE("a password goes to a secret object, and into nothing that is shown")
    {
        const auto web = parse_drive_uri("https://me:p%40ss:w@example.com/d.img?a@b").value().remote.value();
        CHECK(web.protocol == R"({"driver":"https","url":"https://example.com/d.img?a@b","username":"me"})"_json);
        CHECK(web.password == "p@ss:w");
        CHECK(web.password_option == "password-secret");
        const auto iscsi = parse_drive_uri("iscsi://me:pw@example.com/iqn:t/1").value().remote.value();
        CHECK(iscsi.protocol["user"] == "me");
        CHECK(iscsi.password == "pw");
        CHECK(without_password("https://me:p%40ss:w@example.com/d.img?a@b") == "https://me:...@example.com/d.img?a@b");
        CHECK(without_password("https://example.com:81/a:b@c") == "https://example.com:81/a:b@c");
        CHECK(without_password("/a:b@c") == "/a:b@c");
        for (const char* uri : {"ssh://me:pw1@h/x", "nbd://me:pw1@h/x", "gopher://me:pw1@h/x", "file://me:pw1@h/x"}) {
            const auto refused = parse_drive_uri(uri);
            REQUIRE_FALSE(refused.ok());
            CHECK(refused.error().text.find("pw1") == std::string::npos);
        }
        std::string arguments[] = {"guestmount", "-a", "http://u:pw@h/x", "--add=ftp://u:pw@h/x", "/a:b@c"};
        std::vector<char*> argv;
        for (auto& argument : arguments) {
            argv.push_back(argument.data());
        }
        mount::hide_secrets(static_cast<int>(argv.size()), argv.data());
        CHECK(arguments[2] == "http://u:xx@h/x");
        CHECK(arguments[3] == "--add=ftp://u:xx@h/x");
        CHECK(arguments[4] == "/a:b@c");
    }

    TEST_CASE("what can only be read says so, and nonsense is refused with the URI named")
    {
        CHECK(parse_drive_uri("http://h/x").value().remote->always_read_only);
        CHECK_FALSE(parse_drive_uri("nbd://h/x").value().remote->always_read_only);
        for (const char* uri : {"gopher://h/x", "nbd:///x", "nbd+unix:///x", "rbd:///pool", "iscsi://h/t/x"}) {
            const auto parsed = parse_drive_uri(uri);
            REQUIRE_FALSE(parsed.ok());
            CHECK(parsed.error().errno_value == EINVAL);
            CHECK(parsed.error().text.find(uri) != std::string::npos);
        }
    }
}

} // namespace
