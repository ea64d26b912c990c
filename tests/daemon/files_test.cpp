// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/rpc/frame.hpp"
#include "tests/daemon/daemon_session.hpp"

#include <fcntl.h>
#include <sys/stat.h>

using namespace gm;
using namespace gm::rpc;
using namespace gm::test;

TEST_CASE("what is written is read, at any offset and size")
{
    DaemonSession session;
    const HandleId handle = session.create("file");
    std::string content(3 << 20, '\0');
    for (std::size_t i = 0; i < content.size(); ++i) {
        content[i] = static_cast<char>(i * 7 + i / 253);
    }
    session.write(handle, content);
    CHECK(session.read(handle, 0, kMaxBulk) == content);
    CHECK(session.read(handle, 12'345, 678) == content.substr(12'345, 678));
    CHECK(session.read(handle, content.size() - 3, 100) == content.substr(content.size() - 3));
    CHECK(session.read(handle, content.size(), 100).empty());
    CHECK(session.read(handle, 1ULL << 40, 100).empty());
    CHECK(content_of(session.path("file")) == content);
    session.write(handle, "!", 10ULL << 30); // sparse
    CHECK(session.must<GetAttr>({.handle = handle}).attr.size == (10ULL << 30) + 1);
    CHECK(session.error_of<Read>({handle, ~0ULL, 1}) == EINVAL);
}

TEST_CASE("positions are the host's: append and direct flags do not reach the file")
{
    DaemonSession session;
    session.write(session.create("file"), "0123456789");
    const HandleId handle = session.open({kRoot, "file"}, O_WRONLY | O_APPEND | O_DIRECT);
    session.write(handle, "ab", 3);
    CHECK(session.read(handle) == "012ab56789"); // the page cache of the host reads what it writes around
}

TEST_CASE("opening heeds truncate and read-only, and refuses what creates")
{
    DaemonSession session;
    session.write(session.create("file"), "content");
    const Target file{kRoot, "file"};
    const HandleId reader = session.open(file);
    CHECK(session.error_of<Write>({reader, 0, Bulk::borrow(std::as_bytes(std::span{"x", 1}))}) == EBADF);
    CHECK(session.error_of<Open>({file, O_RDWR | O_CREAT}) == EINVAL);
    CHECK(session.error_of<Open>({file, O_RDWR | O_EXCL}) == EINVAL);
    CHECK(session.must<Open>({file, O_RDWR | O_TRUNC}).attr.size == 0);
    CHECK(session.read(reader).empty());
    session.must<Release>({{reader}});
    CHECK(session.error_of<Read>({reader, 0, 1}) == EBADF);
    session.must<Release>({{reader, HandleId{12345}}});
    REQUIRE(::mkdir(session.path("folder").c_str(), 0755) == 0);
    CHECK(session.error_of<Open>({{kRoot, "folder"}, O_RDWR}) == EISDIR);
    CHECK(session.error_of<Open>({file, O_RDONLY | O_DIRECTORY}) == ENOTDIR);
    const HandleId folder = session.open({kRoot, "folder"}, O_RDONLY | O_DIRECTORY);
    CHECK(session.error_of<Read>({folder, 0, 1}) == EISDIR);
    session.must<Fsync>({.handle = folder});
}

TEST_CASE("creating is exclusive when asked to be, else opens what is there")
{
    DaemonSession session;
    session.write(session.create("file"), "content");
    CHECK(session.error_of<Create>({kRoot, "file", 0644, O_RDWR | O_EXCL, {}}) == EEXIST);
    const auto again = session.must<Create>({kRoot, "file", 0600, O_RDWR, {}});
    CHECK(again.attr.size == 7);
    CHECK(again.attr.mode == (S_IFREG | 0644));
    CHECK(session.must<Create>({kRoot, "file", 0600, O_RDWR | O_TRUNC, {}}).attr.size == 0);
    CHECK(session.error_of<Create>({kRoot, "", 0600, O_RDWR, {}}) == EINVAL);
    CHECK(session.error_of<Create>({kRoot, "..", 0600, O_RDWR, {}}) == EINVAL);
    CHECK(session.error_of<Create>({kRoot, std::string(256, 'x'), 0600, O_RDWR, {}}) == ENAMETOOLONG);
}

TEST_CASE("space is allocated, punched and found again as data and holes")
{
    DaemonSession session;
    const HandleId handle = session.create("file");
    session.write(handle, std::string(1 << 20, 'x'));
    CHECK(session.must<Fallocate>({handle, FALLOC_FL_KEEP_SIZE, 0, 4 << 20}).attr.size == 1 << 20);
    CHECK(session.must<Fallocate>({handle, 0, 0, 2 << 20}).attr.size == 2 << 20);
    session.must<Fallocate>({handle, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 65536, 65536});
    CHECK(session.read(handle, 65530, 12) == std::string(6, 'x') + std::string(6, '\0'));
    CHECK(session.must<Seek>({handle, 0, SEEK_HOLE}).offset == 65536);
    CHECK(session.must<Seek>({handle, 65536, SEEK_DATA}).offset == 131072);
    CHECK(session.error_of<Seek>({handle, 0, SEEK_END}) == EINVAL);
    CHECK(session.error_of<Seek>({handle, 1 << 30, SEEK_DATA}) == ENXIO);
    CHECK(session.error_of<Fallocate>({handle, 0, 0, 0}) == EINVAL);
    CHECK(session.error_of<Fallocate>({handle, 0, ~0ULL, 2}) == EINVAL);
}

TEST_CASE("ranges are copied within the guest")
{
    DaemonSession session;
    const HandleId source = session.create("source");
    const HandleId sink = session.create("sink");
    session.write(source, "0123456789");
    CHECK(session.must<CopyFileRange>({source, 2, sink, 5, 4}).copied == 4);
    CHECK(session.read(sink) == std::string(5, '\0') + "2345");
    CHECK(session.must<CopyFileRange>({source, 8, sink, 0, 100}).copied == 2);
    CHECK(session.must<CopyFileRange>({source, 100, sink, 0, 100}).copied == 0);
    CHECK(session.error_of<CopyFileRange>({source, 0, session.open({kRoot, "source"}), 5, 4}) == EBADF);
}

TEST_CASE("files and folders are synced by handle and by name")
{
    DaemonSession session;
    const HandleId handle = session.create("file");
    session.write(handle, "x");
    session.must<Fsync>({.handle = handle, .data_only = true});
    session.must<Fsync>({.target = {kRoot, "file"}});
    session.must<Fsync>({.target = {kRoot, ""}});
    CHECK(session.error_of<Fsync>({.target = {kRoot, "missing"}}) == ENOENT);
    session.must<Sync>({});
}

TEST_CASE("small files are read whole, several at once, within the bytes that are asked for")
{
    DaemonSession session;
    session.write(session.create("a"), "aaa");
    session.create("empty");
    session.write(session.create("big"), std::string(5000, 'b'));
    session.write(session.create("c"), "cc");
    REQUIRE(::mkdir(session.path("folder").c_str(), 0755) == 0);
    const auto reply = session.must<ReadFiles>(
        {{{kRoot, "a"}, {kRoot, "missing"}, {kRoot, "empty"}, {kRoot, "big"}, {kRoot, "folder"}, {kRoot, "c"}}, 100});
    using Size = std::optional<std::uint32_t>;
    CHECK(reply.sizes == std::vector<Size>{3, std::nullopt, 0, std::nullopt, std::nullopt, 2});
    CHECK(std::string{reinterpret_cast<const char*>(reply.data.bytes().data()), reply.data.size()} == "aaacc");
}

TEST_CASE("many callers work at once, and no reply is another's")
{
    DaemonSession session;
    std::vector<std::jthread> threads;
    std::atomic<int> wrong{0};
    for (unsigned t = 0; t < 6; ++t) {
        threads.emplace_back([&session, &wrong, t] {
            for (int i = 0; i < 40; ++i) {
                const std::string name = fmt::format("file-{}-{}", t, i);
                const Caller caller{.uid = 1000 + t, .gid = 2000 + t, .umask = t};
                auto made = session.call<Create>({kRoot, name, 0666, O_RDWR, caller});
                wrong += !made.ok() || (::geteuid() == 0 && made->attr.uid != 1000 + t) ||
                         made->attr.mode != (S_IFREG | (0666U & ~t));
                wrong += !session.call<Write>({made->handle, 0, Bulk::borrow(std::as_bytes(std::span{name}))}).ok();
                auto read = session.call<Read>({made->handle, 0, 100});
                wrong += !read.ok() || read->data.size() != name.size() ||
                         std::memcmp(read->data.bytes().data(), name.data(), name.size()) != 0;
                wrong += !session.call<ReadDir>({{kRoot, ""}, 0, 4096, true}).ok();
                wrong += !session.call<Release>({{made->handle}}).ok();
                wrong += !session.call<RemoveName>({kRoot, name, false}).ok();
            }
        });
    }
    threads.clear();
    CHECK(wrong == 0);
}
