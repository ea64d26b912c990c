// SPDX-License-Identifier: GPL-2.0-or-later
//
// Operations on open files.
#include "mount/filesystem.hpp"

#include <fcntl.h>

namespace gm::mount {
namespace {

// What the daemon opens for an open of the kernel. The kernel appends, syncs and aligns by itself; and to write part of
// a page it reads the rest, even for somebody who may only write.
std::uint32_t flags_for_daemon(int flags)
{
    const int kept = flags & (O_TRUNC | O_NOATIME | O_EXCL);
    const int access = (flags & O_ACCMODE) == O_RDONLY && (flags & O_TRUNC) == 0 ? O_RDONLY : O_RDWR;
    return static_cast<std::uint32_t>(kept | access | O_NOFOLLOW);
}

// Until its open file is in the table: a name that is removed meanwhile must leave the object in the guest.
class Opening {
public:
    explicit Opening(Inode& inode) : inode_(inode) { ++inode_.opening; }
    Opening(const Opening&) = delete;
    Opening& operator=(const Opening&) = delete;
    ~Opening() { --inode_.opening; }

private:
    Inode& inode_;
};

Opened opened(HandleKey key, fuse_file_info& file)
{
    file.fh = static_cast<std::uint64_t>(key);
    file.keep_cache = file.direct_io == 0 ? 1 : 0;
    return {key};
}

} // namespace

Result<Opened> Filesystem::open(const Request& request, InodeId inode, fuse_file_info* file)
{
    if (options_.read_only) {
        return make_error(ENOSYS, "opens are the kernel's own affair"); // it does not ask again
    }
    auto object = GM_TRY(known(inode));
    const Opening opening(*object);
    const auto flags = flags_for_daemon(file->flags) & ~static_cast<std::uint32_t>(O_EXCL);
    const bool writable = (flags & O_ACCMODE) == O_RDWR;
    auto open = std::make_shared<OpenFile>(object, writable, flags & ~static_cast<std::uint32_t>(O_TRUNC), returns_);
    // What may fail, or act, is done now; a file opened to be read is opened when something is read from the guest.
    if (writable || (flags & O_NOATIME) != 0) {
        const auto open_with = [&](std::uint32_t how) {
            const Pin pin = inodes_.pin(*object);
            return call<rpc::Open>({.target = pin.target, .flags = how});
        };
        const auto change =
            (flags & O_TRUNC) != 0 ? std::optional(changing({{*object, cache::kData | cache::kAttrs}})) : std::nullopt;
        auto reply = open_with(flags);
        if (!reply.ok() && reply.error().errno_value == EPERM && (file->flags & O_APPEND) != 0) {
            // An append-only file takes only descriptors that append; what is written through them must come in order,
            // so the kernel sends each write by itself.
            reply = open_with(flags | static_cast<std::uint32_t>(O_APPEND));
            file->direct_io = 1;
        }
        const auto now = GM_TRY(std::move(reply));
        open->opened(now.handle);
        object->mode = now.attr.mode;
        if ((flags & O_TRUNC) != 0) {
            drop_set_id_bits(request, object, now.attr.mode);
        }
    }
    return opened(handles_.add(std::move(open)), *file);
}

Result<Created> Filesystem::create(const Request& request, InodeId parent, std::string_view name, mode_t mode,
                                   fuse_file_info* file)
{
    const auto below = GM_TRY(name_below(parent, name));
    const auto node = GM_TRY(folder_node(below.folder));
    const auto flags = flags_for_daemon(file->flags | O_RDWR);
    const auto change = changing({{*below.folder, cache::kNames | cache::kAttrs}});
    new_folders_.added(below.folder->id, name);
    const auto made = GM_TRY(call<rpc::Create>(
        {.parent = node, .leaf = below.leaf, .mode = mode, .flags = flags, .caller = options_.view.creator(request)}));
    auto made_here = made_entry(below, made.attr, rpc::NodeId::none);
    const auto& inode = made_here.ref->inode();
    if (made.no_xattrs) { // the kernel asks before the first write
        caches_.xattrs.has_none(key_of(*inode), caches_.changes.now());
    }
    auto open =
        std::make_shared<OpenFile>(inode, true, flags & ~static_cast<std::uint32_t>(O_TRUNC | O_EXCL), returns_);
    open->opened(made.handle);
    const auto key = handles_.add(std::move(open));
    return Created{std::move(made_here), opened(key, *file)};
}

Result<void> Filesystem::release(InodeId /*inode*/, fuse_file_info* file)
{
    handles_.remove(HandleKey{file->fh});
    return {};
}

Result<OpenFilePtr> Filesystem::open_file(InodeId inode, fuse_file_info* file)
{
    if (file->fh != 0) {
        auto open = handles_.get(HandleKey{file->fh});
        if (!open) {
            return make_error(EBADF, "no open file {}", file->fh);
        }
        return open;
    }
    auto object = GM_TRY(known(inode));
    return handles_.reader(inode, [&] {
        return std::make_shared<OpenFile>(object, false, static_cast<std::uint32_t>(O_RDONLY | O_NOFOLLOW), returns_);
    });
}

Result<rpc::HandleId> Filesystem::handle_of(OpenFile& file)
{
    return file.handle([&](std::uint32_t flags) -> Result<rpc::HandleId> {
        const Pin pin = inodes_.pin(*file.inode());
        const auto reply = GM_TRY(call<rpc::Open>({.target = pin.target, .flags = flags}));
        return reply.handle;
    });
}

Result<cache::FileData> Filesystem::read(const Interruptible& request, InodeId inode, std::size_t size, off_t offset,
                                         fuse_file_info* file)
{
    late_.settle();
    const auto open = GM_TRY(open_file(inode, file));
    const auto& object = *open->inode();
    // On a writable mount the target is not asked for.
    auto target = options_.read_only ? inodes_.pin(object).target : rpc::Target{};
    auto data = caches_.files.read({.object = object_of(object, std::move(target)),
                                    .open = [&] { return handle_of(*open); },
                                    .stop = request.stop},
                                   static_cast<std::uint64_t>(offset), static_cast<std::uint32_t>(size));
    if (!options_.read_only) {
        caches_.changes.note(key_of(object), cache::kAttrs); // its atime
    }
    return data;
}

Result<Written> Filesystem::write(const Request& request, InodeId inode, const char* bytes, std::size_t size,
                                  off_t offset, fuse_file_info* file)
{
    const auto open = GM_TRY(open_file(inode, file));
    const auto handle = GM_TRY(handle_of(*open));
    const std::span data(reinterpret_cast<const std::byte*>(bytes), size); // bytes as bytes
    // With its write-back cache the kernel keeps size and times, but it cannot know how many blocks they take.
    if (file->writepage != 0 && write_late(open, data, static_cast<std::uint64_t>(offset))) {
        notices_.attributes_changed(open->inode()->id);
        return Written{size};
    }
    free_space_.spent(open->inode()->key.filesystem, size);
    const auto change = changing({{*open->inode(), cache::kData | cache::kAttrs}});
    const auto written =
        GM_TRY(call<rpc::Write>(
                   {.handle = handle, .offset = static_cast<std::uint64_t>(offset), .data = rpc::Bulk::borrow(data)}))
            .written;
    if (written > size) {
        return make_error(EPROTO, "the appliance wrote more than it was given");
    }
    // Pages written back are nobody's write: the kernel sends the writes to a set-id file one by one.
    if (file->writepage == 0) {
        drop_set_id_bits(request, open->inode(), open->inode()->mode);
    }
    notices_.attributes_changed(open->inode()->id);
    return Written{written};
}

bool Filesystem::write_late(const OpenFilePtr& file, std::span<const std::byte> bytes, std::uint64_t offset)
{
    constexpr std::size_t kMostLate = 64 << 10;
    constexpr std::uint64_t kAnyFile = 1U << 31; // so large a file can be wherever it is written
    const auto& inode = file->inode();
    const auto handle = file->handle_now();
    if (bytes.size() > kMostLate || offset + bytes.size() > kAnyFile || !handle || !may_be_late(*inode)) {
        return false;
    }
    const auto known = caches_.attrs.last_seen(key_of(*inode));
    if (!known || known->fixed || !has_room(inode, bytes.size())) {
        return false;
    }
    if (late_.full()) {
        late_.settle();
    }
    const auto change =
        std::make_shared<Changing>(changing({{*inode, cache::kData | cache::kAttrs}})); // ends with `done`
    late_.add<rpc::Write>({.handle = *handle, .offset = offset, .data = rpc::Bulk::borrow(bytes)},
                          [this, file, change, size = bytes.size()](const Result<rpc::Write::Reply>& reply) {
                              if (!reply.ok()) {
                                  failed_late(*file->inode(), reply.error());
                              } else if (reply->written != size) {
                                  failed_late(*file->inode(), make_error(EIO, "not all was written"));
                              }
                          });
    return true;
}

bool Filesystem::has_room(const InodePtr& inode, std::size_t size)
{
    const auto filesystem = inode->key.filesystem;
    switch (free_space_.take(filesystem, size)) {
    case FreeSpace::Answer::yes:
        return true;
    case FreeSpace::Answer::no:
        return false;
    case FreeSpace::Answer::ask:
        break;
    }
    const Pin pin = inodes_.pin(*inode);
    const auto reply = call<rpc::StatFs>({.target = pin.target});
    free_space_.learn(filesystem, reply.ok() ? reply->blocks_available : 0, reply.ok() ? reply->fragment_size : 0);
    return free_space_.take(filesystem, size) == FreeSpace::Answer::yes;
}

Result<void> Filesystem::fsync(const Interruptible& request, InodeId inode, int data_only, fuse_file_info* file)
{
    const auto open = GM_TRY(open_file(inode, file));
    const auto handle = GM_TRY(handle_of(*open));
    late_.settle(); // what comes back from it is not a change behind this moment
    const auto before = caches_.changes.now();
    GM_TRY(call<rpc::Fsync>({.handle = handle, .target = {}, .data_only = data_only != 0}, request.stop));
    if (const int failed = open->inode()->late_errno.exchange(0)) {
        return make_error(failed, "a change before failed");
    }
    caches_.changes.synced(key_of(*open->inode()), before);
    // Only now it is settled how many blocks the data takes.
    caches_.changes.note(key_of(*open->inode()), cache::kAttrs);
    if (!options_.read_only) {
        notices_.attributes_changed(open->inode()->id);
    }
    return {};
}

Result<void> Filesystem::fallocate(const Interruptible& request, InodeId inode, int mode, off_t offset, off_t length,
                                   fuse_file_info* file)
{
    const auto open = GM_TRY(open_file(inode, file));
    const auto handle = GM_TRY(handle_of(*open));
    free_space_.spent(open->inode()->key.filesystem, static_cast<std::uint64_t>(length));
    const auto change = changing({{*open->inode(), cache::kData | cache::kAttrs}});
    GM_TRY(call<rpc::Fallocate>({.handle = handle,
                                 .mode = static_cast<std::uint32_t>(mode),
                                 .offset = static_cast<std::uint64_t>(offset),
                                 .length = static_cast<std::uint64_t>(length)},
                                request.stop));
    drop_set_id_bits(request, open->inode(), open->inode()->mode);
    notices_.attributes_changed(open->inode()->id);
    return {};
}

Result<SeekReply> Filesystem::lseek(InodeId inode, off_t offset, int whence, fuse_file_info* file)
{
    const auto open = GM_TRY(open_file(inode, file));
    // The guest knows of no data that the kernel still holds.
    if (handles_.written_through(inode) && !notices_.write_back(inode)) {
        log_debug("too many seeks for data at once: inode {} is not written back first", open->inode()->number);
    }
    const auto handle = GM_TRY(handle_of(*open));
    const auto reply =
        GM_TRY(call<rpc::Seek>({.handle = handle, .offset = offset, .whence = static_cast<std::uint32_t>(whence)}));
    return SeekReply{static_cast<off_t>(reply.offset)};
}

Result<Written> Filesystem::copy_file_range(const Interruptible& request, InodeId source, off_t source_offset,
                                            fuse_file_info* source_file, InodeId sink, off_t sink_offset,
                                            fuse_file_info* sink_file, std::size_t length, int /*flags*/)
{
    const auto from = GM_TRY(open_file(source, source_file));
    const auto to = GM_TRY(open_file(sink, sink_file));
    const auto from_handle = GM_TRY(handle_of(*from));
    const auto to_handle = GM_TRY(handle_of(*to));
    free_space_.spent(to->inode()->key.filesystem, length);
    const auto change =
        changing({{*from->inode(), cache::kAttrs}, {*to->inode(), cache::kData | cache::kAttrs}}); // an atime
    const auto copied = GM_TRY(call<rpc::CopyFileRange>({.source = from_handle,
                                                         .source_offset = static_cast<std::uint64_t>(source_offset),
                                                         .sink = to_handle,
                                                         .sink_offset = static_cast<std::uint64_t>(sink_offset),
                                                         .length = length},
                                                        request.stop))
                            .copied;
    if (copied > length) {
        return make_error(EPROTO, "the appliance copied more than was asked for");
    }
    drop_set_id_bits(request, to->inode(), to->inode()->mode);
    notices_.attributes_changed(to->inode()->id);
    return Written{copied};
}

} // namespace gm::mount
