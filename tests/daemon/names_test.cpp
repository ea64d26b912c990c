// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/daemon/daemon_session.hpp"

#include <sys/stat.h>

using namespace gm;
using namespace gm::rpc;
using namespace gm::test;

TEST_CASE("a file is found under its folder with the attributes that stat tells")
{
    DaemonSession session;
    write_file(session.path("file"), "content");
    const auto found = session.must<Lookup>({kRoot, "file"});
    struct stat status;
    REQUIRE(::stat(session.path("file").c_str(), &status) == 0);
    CHECK(found.node == NodeId::none);
    CHECK(found.attr.ino == status.st_ino);
    CHECK(found.attr.mode == status.st_mode);
    CHECK(found.attr.size == 7);
    CHECK(found.attr.filesystem == 0);
    CHECK(found.attr.mtime.nanoseconds == static_cast<std::uint32_t>(status.st_mtim.tv_nsec));
    CHECK(session.read(session.open({kRoot, "file"})) == "content");
}

TEST_CASE("a name that is not there is ENOENT")
{
    DaemonSession session;
    CHECK(session.error_of<Lookup>({kRoot, "missing"}) == ENOENT);
    CHECK(session.error_of<GetAttr>({{kRoot, "missing"}}) == ENOENT);
    CHECK(session.error_of<Lookup>({kRoot, std::string(300, 'x')}) == ENAMETOOLONG);
}

TEST_CASE("a folder is listed with attributes and link targets, in pages of any size")
{
    DaemonSession session;
    for (int i = 0; i < 500; ++i) {
        write_file(session.path(fmt::format("entry-{}", i)), std::string(static_cast<std::size_t>(i), 'x'));
    }
    REQUIRE(::symlink("entry-7", session.path("link").c_str()) == 0);
    REQUIRE(::mkdir(session.path("folder").c_str(), 0750) == 0);
    for (const std::uint32_t page : {1U, 300U, 4096U, 1U << 20}) {
        CAPTURE(page);
        const auto all = session.list({kRoot, ""}, page);
        CHECK(all.size() == 504);
        CHECK(all.at("entry-100").attr->size == 100);
        CHECK(all.at("link").link_target == "entry-7");
        CHECK(S_ISDIR(all.at("folder").attr->mode));
        CHECK_FALSE(all.at(".").attr);
        CHECK(all.contains(".."));
    }
}
