// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/daemon/daemon_session.hpp"
#include "tests/daemon/loop_device.hpp"
#include "tests/support/program.hpp"
#include "tests/support/requirements.hpp"

#include <sys/xattr.h>

using namespace gm;
using namespace gm::rpc;
using namespace gm::test;

TEST_CASE("extended attributes keep any bytes, and an empty value is not none")
{
    DaemonSession session;
    session.create("file");
    const Target file{kRoot, "file"};
    const std::string values[] = {"", std::string{"\0a\0", 3}, std::string(2000, '\xff')};
    for (const auto& value : values) {
        session.must<SetXattr>({file, "user.test", value, 0});
        CHECK(session.must<GetXattr>({file, "user.test"}).value == value);
        const auto all = session.must<ReadXattrs>({{file}}).objects;
        REQUIRE(all.size() == 1);
        CHECK(all[0] == std::vector<Xattr>{{"user.test", value}});
    }
    session.must<RemoveXattr>({file, "user.test"});
    CHECK(session.error_of<GetXattr>({file, "user.test"}) == ENODATA);
    CHECK(session.error_of<RemoveXattr>({file, "user.test"}) == ENODATA);
    CHECK(session.must<ReadXattrs>({{file}}).objects[0]->empty());
}

TEST_CASE("setting an extended attribute heeds create and replace")
{
    DaemonSession session;
    session.create("file");
    const Target file{kRoot, "file"};
    CHECK(session.error_of<SetXattr>({file, "user.a", "1", XATTR_REPLACE}) == ENODATA);
    session.must<SetXattr>({file, "user.a", "1", XATTR_CREATE});
    CHECK(session.error_of<SetXattr>({file, "user.a", "2", XATTR_CREATE}) == EEXIST);
    session.must<SetXattr>({file, "user.a", "3", XATTR_REPLACE});
    CHECK(session.must<GetXattr>({file, "user.a"}).value == "3");
    CHECK(session.error_of<SetXattr>({file, "nonsense", "2", 0}) == EOPNOTSUPP);
    CHECK(session.error_of<SetXattr>({file, std::string{"user.\0x", 7}, "2", 0}) == EINVAL);
    CHECK(session.error_of<GetXattr>({file, ""}) == EINVAL);
}

TEST_CASE("extended attributes of entries of several folders come in one reply, and no folder is kept busy by it")
{
    const FreshImage image{"ext4", {}, "64M"};
    const LoopDevice drive{image.file()};
    DaemonSession session{{drive.name()}};
    session.must<MountFilesystem>(
        {.device = "/dev/sda", .mountpoint = "/", .options = "", .type = "", .read_only = false});
    const std::string longest(255, 'n');
    for (const std::string folder : {"a", "b"}) {
        session.must<MakeDir>({kRoot, folder, 0755, {}});
        for (const auto& name : {std::string{"same"}, longest}) {
            session.must<MakeSymlink>({session.node(folder), name, "nowhere", {}});
            session.must<SetXattr>({{session.node(folder), name}, "trusted.of", folder + name, 0});
        }
    }
    const NodeId a = session.node("a");
    const NodeId b = session.node("b");
    const auto all =
        session.must<ReadXattrs>({{{a, "same"}, {b, "same"}, {b, longest}, {b, ""}, {a, longest}, {a, "b"}}}).objects;
    REQUIRE(all.size() == 6);
    const auto is = [&](std::size_t i, const std::string& value) {
        return all[i] == std::vector<Xattr>{{"trusted.of", value}};
    };
    CHECK(is(0, "asame"));
    CHECK(is(1, "bsame"));
    CHECK(is(2, "b" + longest));
    CHECK(all[3]->empty());
    CHECK(is(4, "a" + longest));
    CHECK(!all[5]);
    session.must<UnmountAll>({});
}

TEST_CASE("links, folders, pipes and nodes have extended attributes of their own")
{
    DaemonSession session;
    require_root();
    session.create("file");
    session.must<MakeSymlink>({kRoot, "link", "file", {}});
    session.must<MakeDir>({kRoot, "folder", 0755, {}});
    session.must<MakeNode>({kRoot, "pipe", S_IFIFO | 0600, 0, 0, {}});
    for (const std::string name : {"link", "folder", "pipe"}) {
        CAPTURE(name);
        session.must<SetXattr>({{kRoot, name}, "trusted.by-name", name, 0});
        session.must<SetXattr>({{session.node(name), ""}, "trusted.by-node", name, 0});
    }
    const auto all = session
                         .must<ReadXattrs>({{{kRoot, "file"},
                                             {kRoot, "link"},
                                             {session.node("link"), ""},
                                             {kRoot, "folder"},
                                             {kRoot, "pipe"},
                                             {kRoot, "missing"},
                                             {kRoot, ".."},
                                             {NodeId{999}, ""}}})
                         .objects;
    REQUIRE(all.size() == 8);
    CHECK(all[0]->empty());
    for (const int i : {1, 2, 3, 4}) {
        CAPTURE(i);
        REQUIRE(all[static_cast<std::size_t>(i)]);
        CHECK(all[static_cast<std::size_t>(i)]->size() == 2);
    }
    for (const std::size_t i : {5U, 6U, 7U}) {
        CHECK_FALSE(all[i]);
    }
}

TEST_CASE("access control lists and capabilities come and go as they are")
{
    DaemonSession session;
    require_root();
    session.create("file");
    session.create("copy");
    must_run({"setfacl", "-m", "u:1234:rw,g:4321:r", session.path("file")});
    must_run({"setfattr", "-n", "security.capability", "-v", "0x0100000200200000000000000000000000000000",
              session.path("file")});
    const auto all = session.must<ReadXattrs>({{{kRoot, "file"}}}).objects[0];
    REQUIRE(all);
    CHECK(all->size() == 2);
    for (const auto& item : *all) {
        session.must<SetXattr>({{kRoot, "copy"}, item.name, item.value, 0});
    }
    CHECK(session.must<ReadXattrs>({{{kRoot, "copy"}}}).objects[0] == all);
    CHECK(must_run({"getfacl", "-cp", session.path("copy")}) == must_run({"getfacl", "-cp", session.path("file")}));
}
