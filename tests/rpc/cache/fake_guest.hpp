// SPDX-License-Identifier: GPL-2.0-or-later
//
// A guest in memory behind a real link, and a drive that holds its files' data: what the readers of cache/ are tested
// against. Counts the calls it gets; a gate can hold them up.
#pragma once

#include "cache/counters.hpp"
#include "cache/file_reader.hpp"
#include "cache/folder_reader.hpp"
#include "cache/xattr_reader.hpp"
#include "core/base/syscall.hpp"
#include "core/rpc/call_context.hpp"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstring>
#include <map>
#include <set>
#include <sys/stat.h>
#include <thread>

namespace gm::test {

using namespace gm::cache;

// A drive in memory. While `broken` every read fails; while held, reads wait.
class FakeDrive final : public image::BlockSource {
public:
    std::uint64_t size(std::uint32_t disk) const override { return disk == 0 ? bytes.size() : 0; }
    void begin(image::BlockRead read) override
    {
        ++reads;
        if (on_read) {
            on_read(read);
        }
        if (broken || read.disk != 0 || read.offset > bytes.size() || read.into.size() > bytes.size() - read.offset) {
            read.done(make_error(EIO, "no such bytes"));
            return;
        }
        std::memcpy(read.into.data(), &bytes[read.offset], read.into.size());
        read.done({});
    }

    std::vector<std::byte> bytes = std::vector<std::byte>(64 << 20);
    std::atomic<bool> broken{false};
    std::atomic<int> reads{0};
    std::function<void(const image::BlockRead&)> on_read;
};

// Holds callers while closed.
class Gate {
public:
    void close()
    {
        const std::lock_guard lock(mutex_);
        open_ = false;
    }
    void open()
    {
        const std::lock_guard lock(mutex_);
        open_ = true;
        changed_.notify_all();
    }
    void pass()
    {
        std::unique_lock lock(mutex_);
        ++waiting_;
        changed_.notify_all();
        changed_.wait(lock, [&] { return open_; });
        --waiting_;
    }
    void wait_for(unsigned callers)
    {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] { return waiting_ >= callers; });
    }

private:
    std::mutex mutex_;
    std::condition_variable changed_;
    bool open_ = true;
    unsigned waiting_ = 0;
};

struct FakeFile {
    std::uint64_t ino = 0;
    std::uint32_t mode = S_IFREG;
    std::string content;
    std::optional<rpc::FileExtents> extents;
    std::vector<rpc::Xattr> xattrs;
    bool xattrs_readable = true;
    std::vector<std::pair<std::string, FakeFile*>> children; // of a folder, in the order of listing

    rpc::Attr attr() const { return {.ino = ino, .mode = mode, .nlink = 1, .size = content.size()}; }
};

// The tree is made before the first call and changed under the gate only.
class FakeGuest {
public:
    FakeGuest() { files_[1] = std::make_unique<FakeFile>(FakeFile{.ino = 1, .mode = S_IFDIR}); }

    FakeFile& root() { return *files_[1]; }
    FakeFile& add(FakeFile& folder, const std::string& name, std::uint32_t mode = S_IFREG, std::string content = {})
    {
        const auto ino = files_.size() + 1;
        auto& file = *(files_[ino] = std::make_unique<FakeFile>(
                           FakeFile{.ino = ino, .mode = mode, .content = std::move(content)}));
        folder.children.emplace_back(name, &file);
        return file;
    }
    // Puts the content on the drive, where extents tell.
    void map(FakeFile& file, FakeDrive& drive)
    {
        file.extents = rpc::FileExtents{.disk = 0, .size = file.content.size(), .extents = {}};
        if (!file.content.empty()) {
            file.extents->extents.push_back({0, file.content.size(), next_free_});
            std::memcpy(&drive.bytes[next_free_], file.content.data(), file.content.size());
            next_free_ += (file.content.size() + 4095) & ~4095ULL;
        }
    }

    [[nodiscard]] bool read_only() const { return false; }
    template <typename P>
    Result<typename P::Reply> on(P, const typename P::Args& args, rpc::CallContext&)
    {
        ++calls[P::name];
        if constexpr (std::is_same_v<P, rpc::ReadDir>) {
            if (on_list) {
                on_list(args.folder);
            }
        }
        gate.pass();
        if constexpr (requires { answer(P{}, args); }) {
            return answer(P{}, args);
        } else {
            return make_error(ENOSYS, "not served");
        }
    }
    int count(std::string_view name) { return calls[name]; }

    struct Calls { // by name, counted by several threads
        std::atomic<int>& operator[](std::string_view name)
        {
            const std::lock_guard lock(mutex);
            return by_name[name];
        }
        std::mutex mutex;
        std::map<std::string_view, std::atomic<int>> by_name;
    };
    Calls calls;
    Gate gate;
    std::function<void(const rpc::Target&)> on_list; // set before the first call
    std::size_t page_entries = 1000;
    std::size_t largest_batch = 0;

private:
    // A node is the object's number.
    Result<FakeFile*> find(const rpc::Target& target)
    {
        const auto found = files_.find(static_cast<std::uint64_t>(target.node));
        if (found == files_.end()) {
            return make_error(ESTALE, "no such node");
        }
        if (target.leaf.empty()) {
            return found->second.get();
        }
        for (const auto& [name, child] : found->second->children) {
            if (name == target.leaf) {
                return child;
            }
        }
        return make_error(ENOENT, "no such name");
    }

    Result<rpc::ReadDir::Reply> answer(rpc::ReadDir, const rpc::ReadDir::Args& args)
    {
        FakeFile* folder = GM_TRY(find(args.folder));
        rpc::ReadDir::Reply reply{.folder = rpc::NodeId{folder->ino}};
        const auto all = folder->children.size();
        std::size_t at = args.offset;
        for (; at < all && reply.entries.size() < page_entries; ++at) {
            const auto& [name, child] = folder->children[at];
            reply.entries.push_back({.name = name, .next_offset = at + 1, .ino = child->ino, .attr = child->attr()});
        }
        reply.end = at >= all;
        return reply;
    }
    Result<rpc::ReadXattrs::Reply> answer(rpc::ReadXattrs, const rpc::ReadXattrs::Args& args)
    {
        rpc::ReadXattrs::Reply reply;
        for (const auto& target : args.targets) {
            auto file = find(target);
            reply.objects.push_back(file.ok() && (*file)->xattrs_readable ? std::optional{(*file)->xattrs}
                                                                          : std::nullopt);
        }
        return reply;
    }
    Result<rpc::GetXattr::Reply> answer(rpc::GetXattr, const rpc::GetXattr::Args& args)
    {
        return rpc::GetXattr::Reply{"asked " + args.attribute};
    }
    Result<rpc::MapExtents::Reply> answer(rpc::MapExtents, const rpc::MapExtents::Args& args)
    {
        largest_batch = std::max(largest_batch, args.files.size());
        rpc::MapExtents::Reply reply;
        for (const auto& target : args.files) {
            auto file = find(target);
            reply.files.push_back(file.ok() ? (*file)->extents : std::nullopt);
        }
        return reply;
    }
    Result<rpc::Open::Reply> answer(rpc::Open, const rpc::Open::Args& args)
    {
        FakeFile* file = GM_TRY(find(args.target));
        return rpc::Open::Reply{rpc::HandleId{file->ino}, file->attr()};
    }
    Result<rpc::Read::Reply> answer(rpc::Read, const rpc::Read::Args& args)
    {
        const std::string& content = files_.at(static_cast<std::uint64_t>(args.handle))->content;
        const auto begin = std::min<std::size_t>(args.offset, content.size());
        auto data = rpc::Bulk::allocate(std::min<std::size_t>(args.size, content.size() - begin));
        std::memcpy(data.writable().data(), content.data() + begin, data.size());
        return rpc::Read::Reply{std::move(data)};
    }
    Result<rpc::ReadFiles::Reply> answer(rpc::ReadFiles, const rpc::ReadFiles::Args& args)
    {
        rpc::ReadFiles::Reply reply;
        std::string all;
        for (const auto& target : args.files) {
            auto file = find(target);
            const bool fits = file.ok() && all.size() + (*file)->content.size() <= args.max_bytes;
            reply.sizes.push_back(fits ? std::optional{static_cast<std::uint32_t>((*file)->content.size())}
                                       : std::nullopt);
            all += fits ? (*file)->content : "";
        }
        reply.data = rpc::Bulk::allocate(all.size());
        std::memcpy(reply.data.writable().data(), all.data(), all.size());
        return reply;
    }

    std::map<std::uint64_t, std::unique_ptr<FakeFile>> files_;
    std::uint64_t next_free_ = 4096;
};

// Until the channel is closed.
void serve(int channel, FakeGuest& guest);

// The guest, served, and everything of cache/ on a link to it.
struct World {
    FakeGuest guest;
    FakeDrive drive;
    SocketPair sockets = make_socket_pair().take_value();
    std::jthread serving{[this] { serve(sockets.first.get(), guest); }};
    rpc::Link link{std::move(sockets.second), {}};
    Budget budget{kDefaultCacheSize};
    Changes changes;
    Counters counters;
    std::atomic<int> forgotten{0};
    FolderCache folder_cache{budget, changes};
    FolderReader folders{link, folder_cache, changes, counters, [this](rpc::NodeId) { ++forgotten; }};
    XattrReader xattrs{link, budget, folder_cache, folders, changes, counters};

    static Key key(const FakeFile& file) { return Key::of(file.attr()); }
    static rpc::Target target(const FakeFile& file) { return {rpc::NodeId{file.ino}, {}}; }
    static Object object(const FakeFile& folder, const std::string& name)
    {
        const auto found = std::ranges::find(folder.children, name, &std::pair<std::string, FakeFile*>::first);
        return {key(*found->second), {rpc::NodeId{folder.ino}, name}, key(folder), name};
    }
    Result<PageView> read_folder(const FakeFile& folder, std::uint64_t offset = 0)
    {
        return folders.read(key(folder), target(folder), offset);
    }
};

} // namespace gm::test
