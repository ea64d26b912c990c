// SPDX-License-Identifier: GPL-2.0-or-later
//
// The real handlers in this process, served over a socket pair to a real link: everything but the virtual machine.
// The guest's root is a folder of the test's own, or an image mounted on it by the handlers themselves.
#pragma once

#include "core/base/syscall.hpp"
#include "core/rpc/link.hpp"
#include "daemon/serve.hpp"
#include "tests/support/scratch.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <memory>
#include <string>
#include <thread>

namespace gm::test {

constexpr rpc::NodeId kRoot = rpc::NodeId::root;

class DaemonSession {
public:
    explicit DaemonSession(std::vector<std::string> drives = {})
        : handlers_(daemon::Handlers::open({.root = root_.path(), .drives = std::move(drives)}).take_value()),
          sockets_(make_socket_pair().take_value()),
          serving_([this] { static_cast<void>(daemon::serve(sockets_.first.get(), *handlers_, 4).ok()); }),
          link_(std::make_unique<rpc::Link>(std::move(sockets_.second), rpc::LinkOptions{}))
    {
    }
    DaemonSession(const DaemonSession&) = delete;
    DaemonSession& operator=(const DaemonSession&) = delete;
    ~DaemonSession()
    {
        static_cast<void>(link_->call<rpc::UnmountAll>({}).ok());
        link_.reset(); // ends the server
    }

    template <typename P>
    Result<typename P::Reply> call(const typename P::Args& args)
    {
        return link_->call<P>(args);
    }
    // The reply, or the test case ends as failed with the error's text.
    template <typename P>
    typename P::Reply must(const typename P::Args& args)
    {
        auto reply = link_->call<P>(args);
        const std::string text = reply.ok() ? "" : reply.error().text;
        CAPTURE(text);
        REQUIRE(reply.ok());
        return reply.take_value();
    }
    // The errno that the call ends with; 0 when it succeeds.
    template <typename P>
    int error_of(const typename P::Args& args)
    {
        const auto reply = link_->call<P>(args);
        return reply.ok() ? 0 : reply.error().errno_value;
    }

    // A folder or file by its path below the root, every step bound.
    rpc::NodeId node(std::string_view path)
    {
        rpc::NodeId at = kRoot;
        while (!path.empty()) {
            const auto leaf = path.substr(0, path.find('/'));
            path.remove_prefix(std::min(path.size(), leaf.size() + 1));
            at = must<rpc::Lookup>({at, std::string{leaf}, true}).node;
        }
        return at;
    }

    // All entries of a folder by name, read in pages of about this many bytes.
    std::map<std::string, rpc::DirEntry> list(const rpc::Target& folder, std::uint32_t page = 65536)
    {
        std::map<std::string, rpc::DirEntry> all;
        std::uint64_t offset = 0;
        while (true) {
            auto reply = must<rpc::ReadDir>({folder, offset, page, true});
            for (auto& entry : reply.entries) {
                offset = entry.next_offset;
                const bool fresh = all.emplace(entry.name, entry).second;
                CHECK_MESSAGE(fresh, "listed twice: ", entry.name);
            }
            if (reply.end) {
                return all;
            }
            REQUIRE_FALSE(reply.entries.empty());
        }
    }

    rpc::HandleId open(const rpc::Target& target, int flags = O_RDONLY)
    {
        return must<rpc::Open>({target, static_cast<std::uint32_t>(flags)}).handle;
    }
    rpc::HandleId create(const std::string& leaf, rpc::NodeId parent = kRoot, std::uint32_t mode = 0644)
    {
        return must<rpc::Create>({parent, leaf, mode, O_RDWR | O_EXCL, {}}).handle;
    }
    void write(rpc::HandleId handle, std::string_view text, std::uint64_t offset = 0)
    {
        REQUIRE(must<rpc::Write>({handle, offset, rpc::Bulk::borrow(std::as_bytes(std::span{text}))}).written ==
                text.size());
    }
    std::string read(rpc::HandleId handle, std::uint64_t offset = 0, std::uint32_t size = 1 << 20)
    {
        const auto reply = must<rpc::Read>({handle, offset, size});
        return {reinterpret_cast<const char*>(reply.data.bytes().data()), reply.data.size()};
    }

    [[nodiscard]] std::string path(std::string_view leaf = "") const { return root_ / leaf; }
    daemon::Handlers& handlers() { return *handlers_; }
    rpc::Link& link() { return *link_; }

private:
    Scratch root_{"daemon"};
    std::unique_ptr<daemon::Handlers> handlers_;
    SocketPair sockets_;
    std::jthread serving_;
    std::unique_ptr<rpc::Link> link_;
};

} // namespace gm::test
