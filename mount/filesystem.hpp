// SPDX-License-Identifier: GPL-2.0-or-later
//
// What each operation of the kernel means: a call or two of the daemon, and what the tables must learn from it. The
// methods have the parameters of libfuse's low-level operations without the request: the op table turns replies and
// errors into answers. Owned by the session; the methods run on libfuse's threads, many at once, and block.
// The bodies are in filesystem_{names,attributes,files,folders,xattrs}.cpp.
#pragma once

#include "cache/caches.hpp"
#include "core/base/log.hpp"
#include "core/rpc/link.hpp"
#include "mount/attr_view.hpp"
#include "mount/dir_stream.hpp"
#include "mount/free_space.hpp"
#include "mount/fuse_api.hpp"
#include "mount/handle_table.hpp"
#include "mount/inode_table.hpp"
#include "mount/late_changes.hpp"
#include "mount/new_folders.hpp"
#include "mount/returns.hpp"

#include <functional>
#include <initializer_list>
#include <memory>
#include <set>
#include <string_view>
#include <sys/statvfs.h>

namespace gm::mount {

// A caller that a signal may end while the call is under way.
struct Interruptible : Request {
    std::stop_token stop;
};

struct Entry {
    std::optional<EntryRef> ref; // none: there is no such name, and the kernel may remember that
    struct stat attr = {};
    double name_timeout = 0;
    double timeout = 0; // of the attributes
};
struct Attributes {
    struct stat attr = {};
    double timeout = 0;
};
struct Opened {
    HandleKey handle = HandleKey::none;
};
struct Created {
    Entry entry;
    Opened opened;
};
struct Written {
    std::size_t count = 0;
};
struct LinkTarget {
    std::string text;
};
struct XattrReply {
    std::string bytes;
    bool size_only = false; // the caller asked how much room it needs
};
struct SeekReply {
    off_t offset = 0;
};
struct IoctlReply {
    std::string bytes;
};

constexpr double kForEver = 1e8; // seconds

struct FilesystemOptions {
    bool read_only = true;
    AttrView view;
    // Seconds for which the kernel may keep attributes and names: nobody else changes the guest. Names of a file system
    // that takes "a" and "A" for the same cannot be kept while they change.
    double timeout = kForEver;
    double name_timeout = kForEver;
    bool ignore_case = false;    // of names that are looked up; only without changes
    bool numbers_change = false; // the guest gives an object another number whenever it reads it anew (FAT)
    std::size_t cache_size = cache::kDefaultCacheSize; // bytes
    image::BlockSource* drives = nullptr;              // outlives the file system; read where nothing is written
};

// What the kernel must be told because it cannot know. Called from any thread; must not block.
struct KernelNotices {
    std::function<void(InodeId)> attributes_changed;
    // Writes back what the kernel holds of a file's pages. Blocks; false: too many are doing that.
    std::function<bool(InodeId)> write_back;
};

class Filesystem {
public:
    // Asks the daemon for the root's attributes. The link must outlive the file system.
    static Result<std::unique_ptr<Filesystem>> make(rpc::Link& link, const FilesystemOptions& options);
    Filesystem(rpc::Link& link, const FilesystemOptions& options, const rpc::Attr& root);
    Filesystem(const Filesystem&) = delete;
    Filesystem& operator=(const Filesystem&) = delete;
    ~Filesystem();

    // Before the first operation.
    void set_notices(KernelNotices notices) { notices_ = std::move(notices); }
    // Gives back to the daemon what is only kept for a batch.
    void flush_returns() { returns_.flush(); }
    // Has the guest make the changes that were answered already. Blocks.
    void settle() { late_.settle(); }
    // How many changes went to the guest so far; what the periodic sync looks at.
    [[nodiscard]] std::uint64_t changes() const { return changes_; }
    // Everything is on the drives that was changed before: what the periodic sync tells afterwards. May be called when
    // the file system is gone.
    [[nodiscard]] std::function<void()> all_synced() const
    {
        return [changes = caches_.shared_changes, before = caches_.changes.now()] { changes->all_synced(before); };
    }
    // What the caches did, for a person.
    [[nodiscard]] std::string counters_text() const { return caches_.counters.text(); }
    [[nodiscard]] bool read_only() const { return options_.read_only; }

    // Names
    Result<Entry> lookup(InodeId parent, std::string_view name);
    void forget(InodeId inode, std::uint64_t lookups);
    void forget_multi(std::size_t count, fuse_forget_data* forgets);
    Result<Entry> mknod(const Request& request, InodeId parent, std::string_view name, mode_t mode, dev_t rdev);
    Result<Entry> mkdir(const Request& request, InodeId parent, std::string_view name, mode_t mode);
    Result<Entry> symlink(const Request& request, std::string_view target, InodeId parent, std::string_view name);
    Result<Entry> link(InodeId inode, InodeId new_parent, std::string_view new_name);
    Result<void> unlink(InodeId parent, std::string_view name);
    Result<void> rmdir(InodeId parent, std::string_view name);
    Result<void> rename(InodeId parent, std::string_view name, InodeId new_parent, std::string_view new_name,
                        unsigned flags);

    // Attributes
    Result<Attributes> getattr(InodeId inode, fuse_file_info* file);
    Result<Attributes> setattr(const Request& request, InodeId inode, struct stat* attr, int to_set,
                               fuse_file_info* file);
    Result<LinkTarget> readlink(InodeId inode);
    Result<struct statvfs> statfs(InodeId inode);
    Result<void> access(InodeId inode, int mask);
    Result<IoctlReply> ioctl(const Interruptible& request, InodeId inode, unsigned command, void* argument,
                             fuse_file_info* file, unsigned flags, const void* input, std::size_t input_size,
                             std::size_t output_size);

    // Files
    Result<Opened> open(const Request& request, InodeId inode, fuse_file_info* file);
    Result<Created> create(const Request& request, InodeId parent, std::string_view name, mode_t mode,
                           fuse_file_info* file);
    Result<void> release(InodeId inode, fuse_file_info* file);
    Result<cache::FileData> read(const Interruptible& request, InodeId inode, std::size_t size, off_t offset,
                                 fuse_file_info* file);
    Result<Written> write(const Request& request, InodeId inode, const char* bytes, std::size_t size, off_t offset,
                          fuse_file_info* file);
    Result<void> fsync(const Interruptible& request, InodeId inode, int data_only, fuse_file_info* file);
    Result<void> fallocate(const Interruptible& request, InodeId inode, int mode, off_t offset, off_t length,
                           fuse_file_info* file);
    Result<SeekReply> lseek(InodeId inode, off_t offset, int whence, fuse_file_info* file);
    Result<Written> copy_file_range(const Interruptible& request, InodeId source, off_t source_offset,
                                    fuse_file_info* source_file, InodeId sink, off_t sink_offset,
                                    fuse_file_info* sink_file, std::size_t length, int flags);

    // Folders
    Result<Opened> opendir(InodeId inode, fuse_file_info* file);
    Result<DirBuffer> readdir(InodeId inode, std::size_t size, off_t offset, fuse_file_info* file);
    Result<DirBuffer> readdirplus(InodeId inode, std::size_t size, off_t offset, fuse_file_info* file);
    Result<void> fsyncdir(const Interruptible& request, InodeId inode, int data_only, fuse_file_info* file);

    // Extended attributes
    Result<void> setxattr(InodeId inode, std::string_view name, const char* value, std::size_t size, int flags);
    Result<XattrReply> getxattr(InodeId inode, std::string_view name, std::size_t size);
    Result<XattrReply> listxattr(InodeId inode, std::size_t size);
    Result<void> removexattr(InodeId inode, std::string_view name);

private:
    template <typename P>
    Result<typename P::Reply> call(const typename P::Args& args, std::stop_token stop = {})
    {
        const auto begun = std::chrono::steady_clock::now();
        // A call that can be stopped must not stop what others changed.
        if (stop.stop_possible()) {
            late_.settle();
        }
        auto reply = stop.stop_possible() ? link_.call<P>(args, {.stop = std::move(stop)}) : late_.call<P>(args);
        if (log_enabled(LogLevel::trace)) {
            trace_call(P::name, reply.ok() ? nullptr : &reply.error(), std::chrono::steady_clock::now() - begun);
        }
        if (!reply.ok() && reply.error().errno_value == EROFS) {
            takes_changes_.with([](auto& filesystems) { filesystems.clear(); });
        }
        return reply;
    }
    static void trace_call(std::string_view procedure, const Error* error, std::chrono::nanoseconds time);

    Result<InodePtr> known(InodeId id) const; // ESTALE: the kernel should not ask for it any more
    // The daemon's node of a folder, made when it is not there yet.
    Result<rpc::NodeId> folder_node(const InodePtr& folder);
    Result<Name> name_below(InodeId parent, std::string_view leaf) const;

    Entry entry(const Name& name, const rpc::Attr& attr, rpc::NodeId node);
    Attributes attributes(Inode& inode, const rpc::Attr& attr);
    // The name in the folder that differs in case only, if there is no more than kMostCompared before it.
    Result<std::optional<std::string>> other_spelling(const InodePtr& folder, std::string_view name);
    Result<Entry> lookup_for_export(const InodePtr& folder, std::string_view name);
    Result<void> remove(InodeId parent, std::string_view name, bool folder);
    void lost_a_name(const InodePtr& inode, const rpc::Attr& attr); // null: the kernel does not know it any more
    // A change of the guest that is under way for as long as this lives: made before its call, ended after the reply.
    class [[nodiscard]] Changing {
    public:
        Changing(cache::Changes::Scope scope, std::atomic<std::uint64_t>& count)
            : scope_(std::move(scope)), count_(&count)
        {
        }
        Changing(Changing&& other) noexcept = default;
        Changing& operator=(Changing&&) = delete;
        Changing(const Changing&) = delete;
        Changing& operator=(const Changing&) = delete;
        ~Changing() { ++*count_; }

        std::optional<cache::Epoch> end() { return scope_.end(); }

    private:
        cache::Changes::Scope scope_;
        std::atomic<std::uint64_t>* count_;
    };
    struct Affected {
        const Inode& inode;
        cache::Aspects aspects;
    };
    Changing changing(std::initializer_list<Affected> affected);
    void took_change(std::uint32_t filesystem)
    {
        takes_changes_.with([&](auto& filesystems) { filesystems.insert(filesystem); });
    }
    [[nodiscard]] bool may_be_late(const Inode& inode) const
    {
        return takes_changes_.with([&](const auto& filesystems) { return filesystems.contains(inode.key.filesystem); });
    }
    // What only the reply tells was changed: an object, and the inode when the kernel knows it.
    void changed(const rpc::Attr& attr, cache::Aspects aspects, const InodePtr& inode = {});
    // The reply to the one change of an object: its attributes now.
    Attributes changed_attributes(Inode& inode, const rpc::Attr& attr, Changing& change);
    // An object that has just been made under this name.
    Entry made_entry(const Name& name, const rpc::Attr& attr, rpc::NodeId node);

    // Takes the set-id bits away after a write or truncation by somebody who is not root.
    // True when it did.
    bool drop_set_id_bits(const Request& request, const InodePtr& inode, std::uint32_t mode);
    // Answers a change of attributes before the guest has made it; nothing when that must not be.
    std::optional<Attributes> set_late(const InodePtr& inode, rpc::SetAttr::Args args);
    // The same for bytes that the kernel writes back. False: not answered.
    bool write_late(const OpenFilePtr& file, std::span<const std::byte> bytes, std::uint64_t offset);
    // Whether so many bytes more will certainly fit into the guest's file system. May call.
    bool has_room(const InodePtr& inode, std::size_t size);
    void settle_xattrs(const Inode& inode);
    void failed_late(Inode& inode, const Error& error);
    void was_set_late(Inode& inode, const Result<rpc::SetAttr::Reply>& reply);
    Result<OpenFilePtr> open_file(InodeId inode, fuse_file_info* file);
    Result<rpc::HandleId> handle_of(OpenFile& file);
    Result<DirBuffer> read_folder(InodeId inode, std::size_t size, off_t offset, bool with_attributes);
    bool add_entry(DirBuffer& buffer, const InodePtr& folder, cache::Epoch seen, const rpc::DirEntry& entry);
    static cache::Key key_of(const Inode& inode) { return {inode.key.ino, inode.key.filesystem, inode.key.btime}; }
    // As `target` names it for now.
    cache::Object object_of(const Inode& inode, rpc::Target target) const;

    rpc::Link& link_;
    const FilesystemOptions options_;
    KernelNotices notices_;
    LateChanges late_; // settled before the others go: they learn what became of the changes
    Returns returns_;
    InodeTable inodes_;
    HandleTable handles_;
    std::atomic<std::uint64_t> changes_{0};
    cache::Caches caches_;
    NewFolders new_folders_;
    FreeSpace free_space_;
    // The guest's file systems that took a change, and none was refused since with EROFS: one may be mounted read-only,
    // or give up writing. Only they get changes that are answered first. Level: leaf.
    Guarded<std::set<std::uint32_t>> takes_changes_;
    struct LateAttr {
        Changing change;
        rpc::Attr expected;
        unsigned waiting = 0;    // changes of it
        bool xattrs_too = false; // some of them act on capabilities or ACLs
    };
    using LateAttrs = std::unordered_map<InodeId, LateAttr>;
    Guarded<LateAttrs> late_attrs_; // level: above Changes
};

} // namespace gm::mount
