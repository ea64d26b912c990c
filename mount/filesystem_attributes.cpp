// SPDX-License-Identifier: GPL-2.0-or-later
//
// Operations on what an inode or a file system is like.
#include "mount/filesystem.hpp"

#include <cstring>
#include <linux/fs.h>
#include <sys/ioctl.h>

namespace gm::mount {
namespace {

rpc::Timestamp timestamp(const timespec& time)
{
    return {.seconds = time.tv_sec, .nanoseconds = static_cast<std::uint32_t>(time.tv_nsec)};
}

template <typename T>
std::string bytes_of(const T& value, std::size_t limit)
{
    std::string bytes(sizeof value, '\0');
    std::memcpy(bytes.data(), &value, sizeof value);
    bytes.resize(std::min(bytes.size(), limit));
    return bytes;
}

// The flags that the two interfaces share. The kernel asks for fsxattr before it sets plain flags, to see what would
// change; extent hints and project numbers stay with the guest.
fsxattr extended(std::uint32_t flags)
{
    constexpr std::pair<std::uint32_t, std::uint32_t> kSame[] = {{FS_SYNC_FL, FS_XFLAG_SYNC},
                                                                 {FS_IMMUTABLE_FL, FS_XFLAG_IMMUTABLE},
                                                                 {FS_APPEND_FL, FS_XFLAG_APPEND},
                                                                 {FS_NODUMP_FL, FS_XFLAG_NODUMP},
                                                                 {FS_NOATIME_FL, FS_XFLAG_NOATIME},
                                                                 {FS_DAX_FL, FS_XFLAG_DAX},
                                                                 {FS_PROJINHERIT_FL, FS_XFLAG_PROJINHERIT}};
    fsxattr result{};
    for (const auto& [flag, extended_flag] : kSame) {
        result.fsx_xflags |= (flags & flag) != 0 ? extended_flag : 0U;
    }
    return result;
}

template <typename T>
Result<T> value_of(const void* input, std::size_t size)
{
    if (size < sizeof(T)) {
        return make_error(EINVAL, "an argument of {} bytes", size);
    }
    T value;
    std::memcpy(&value, input, sizeof value);
    return value;
}

// The attributes that a change will lead to, as far as they can be known; the guest's clock cannot.
rpc::Attr expected_attr(rpc::Attr attr, const rpc::SetAttr::Args& change)
{
    const auto set_owner = [](std::uint32_t& id, const std::optional<std::uint32_t>& wanted) {
        id = wanted && *wanted != rpc::kNoOwner ? *wanted : id;
    };
    if (change.uid || change.gid) {
        set_owner(attr.uid, change.uid);
        set_owner(attr.gid, change.gid);
        if (!S_ISDIR(attr.mode)) {
            attr.mode &= ~(S_ISUID | ((attr.mode & S_IXGRP) != 0 ? S_ISGID : 0U));
        }
    }
    if (change.mode) {
        attr.mode = (attr.mode & S_IFMT) | *change.mode;
    }
    const auto set_time = [](rpc::Timestamp& time, const std::optional<rpc::NewTime>& wanted) {
        if (wanted && wanted->time) {
            time = *wanted->time;
        }
    };
    set_time(attr.atime, change.atime);
    set_time(attr.mtime, change.mtime);
    return attr;
}

} // namespace

Result<Attributes> Filesystem::getattr(InodeId inode, fuse_file_info* /*file*/)
{
    const auto object = GM_TRY(known(inode));
    if (const auto known_attr = caches_.attrs.get(key_of(*object))) {
        return attributes(*object, *known_attr);
    }
    const auto seen = caches_.changes.now();
    const Pin pin = inodes_.pin(*object);
    const auto reply = GM_TRY(call<rpc::GetAttr>({.target = pin.target}));
    caches_.attrs.put(key_of(*object), reply.attr, seen);
    return attributes(*object, reply.attr);
}

Result<Attributes> Filesystem::setattr(const Request& request, InodeId inode, struct stat* attr, int to_set,
                                       fuse_file_info* file)
{
    const auto object = GM_TRY(known(inode));
    constexpr int kTimes = FUSE_SET_ATTR_MTIME | FUSE_SET_ATTR_CTIME;
    if (to_set == kTimes && inodes_.is_gone(*object) && !handles_.is_open(inode)) {
        // The kernel writes its times back before it forgets a removed file. Nobody will see them; nor what is
        // answered.
        attr->st_mode = object->mode;
        attr->st_ino = object->number;
        return Attributes{*attr, options_.timeout};
    }
    rpc::SetAttr::Args args;
    if ((to_set & FUSE_SET_ATTR_MODE) != 0) {
        args.mode = attr->st_mode & 07777U;
    }
    if ((to_set & FUSE_SET_ATTR_UID) != 0) {
        args.uid = attr->st_uid;
    }
    if ((to_set & FUSE_SET_ATTR_GID) != 0) {
        args.gid = attr->st_gid;
    }
    if ((to_set & FUSE_SET_ATTR_SIZE) != 0) {
        args.size = static_cast<std::uint64_t>(attr->st_size);
        if (file != nullptr) {
            const auto open = handles_.get(HandleKey{file->fh});
            args.handle = open && open->writable() ? GM_TRY(handle_of(*open)) : rpc::HandleId::none;
        }
    }
    if ((to_set & FUSE_SET_ATTR_ATIME_NOW) != 0) {
        args.atime = rpc::NewTime{};
    } else if ((to_set & FUSE_SET_ATTR_ATIME) != 0) {
        args.atime = rpc::NewTime{timestamp(attr->st_atim)};
    }
    if ((to_set & FUSE_SET_ATTR_MTIME_NOW) != 0) {
        args.mtime = rpc::NewTime{};
    } else if ((to_set & FUSE_SET_ATTR_MTIME) != 0) {
        args.mtime = rpc::NewTime{timestamp(attr->st_mtim)};
    }
    // FUSE_SET_ATTR_CTIME: nobody can set it; the guest's own clock does so. Alone, or nothing at all for what is no
    // regular file, stands for a chown(2) to nobody, which takes set-id bits and capabilities away.
    if ((to_set & ~FUSE_SET_ATTR_CTIME) == 0) {
        args.uid = rpc::kNoOwner;
        args.gid = rpc::kNoOwner;
    }
    if (auto late = set_late(object, args)) {
        return std::move(*late);
    }
    auto change = changing({{*object, cache::kAttrs | (args.size ? cache::kData : 0)}});
    const auto now = [&]() -> Result<rpc::Attr> {
        const Pin pin = inodes_.pin(*object);
        args.target = pin.target;
        return GM_TRY(call<rpc::SetAttr>(args)).attr;
    }();
    // Times that the kernel kept for a written file come with one of its open files, a caller's never do. They are late
    // for a file that became immutable meanwhile; its last write has set the guest's.
    if (!now.ok() && now.error().errno_value == EPERM && file != nullptr && (to_set & ~kTimes) == 0) {
        return getattr(inode, file);
    }
    GM_TRY(now);
    took_change(object->key.filesystem);
    if (args.size && !args.mode && drop_set_id_bits(request, object, now->mode)) {
        return getattr(inode, file);
    }
    return changed_attributes(*object, now.value(), change);
}

std::optional<Attributes> Filesystem::set_late(const InodePtr& inode, rpc::SetAttr::Args args)
{
    const auto before = caches_.attrs.last_seen(key_of(*inode));
    if (args.size || !before || before->fixed || S_ISLNK(before->mode) || options_.numbers_change ||
        !may_be_late(*inode)) {
        return std::nullopt;
    }
    if (late_.full()) {
        late_.settle();
    }
    const Pin pin = inodes_.pin(*inode);
    args.target = pin.target;
    const auto expected = late_attrs_.with([&](LateAttrs& late_attrs) {
        const auto found = late_attrs.find(inode->id);
        auto& late =
            found != late_attrs.end()
                ? found->second
                : late_attrs.emplace(inode->id, LateAttr{changing({{*inode, cache::kAttrs}}), *before}).first->second;
        ++late.waiting;
        late.xattrs_too = late.xattrs_too || args.uid || args.gid || args.mode;
        late.expected = expected_attr(late.expected, args);
        return late.expected;
    });
    late_.add<rpc::SetAttr>(args,
                            [this, inode](const Result<rpc::SetAttr::Reply>& reply) { was_set_late(*inode, reply); });
    inode->mode = expected.mode;
    // What the guest makes of it (its clock, what its times can hold) is for the next question.
    return Attributes{options_.view.show(expected, inode->number), 0};
}

void Filesystem::settle_xattrs(const Inode& inode)
{
    const bool waits = !late_.none() && late_attrs_.with([&](const LateAttrs& late_attrs) {
        const auto found = late_attrs.find(inode.id);
        return found != late_attrs.end() && found->second.xattrs_too;
    });
    if (waits) {
        late_.settle();
    }
}

void Filesystem::failed_late(Inode& inode, const Error& error)
{
    inode.late_errno = error.errno_value;
    takes_changes_.with([](auto& filesystems) { filesystems.clear(); });
    log_warning("a change of inode {} failed after it was answered: {}", inode.number, error.text);
    notices_.attributes_changed(inode.id);
}

void Filesystem::was_set_late(Inode& inode, const Result<rpc::SetAttr::Reply>& reply)
{
    const auto last = late_attrs_.with([&](LateAttrs& late_attrs) {
        const auto found = late_attrs.find(inode.id);
        return --found->second.waiting == 0 ? late_attrs.extract(found) : LateAttrs::node_type{};
    });
    if (!reply.ok()) {
        failed_late(inode, reply.error());
    } else if (!last.empty()) {
        changed_attributes(inode, reply->attr, last.mapped().change);
    }
}

bool Filesystem::drop_set_id_bits(const Request& request, const InodePtr& inode, std::uint32_t mode)
{
    // As the kernel does for a local file: sgid without group execution is no set-id bit.
    const std::uint32_t bits = S_ISUID | ((mode & S_IXGRP) != 0 ? S_ISGID : 0U);
    if (request.uid == 0 || (mode & bits) == 0 || !S_ISREG(mode)) {
        return false;
    }
    const Pin pin = inodes_.pin(*inode);
    const auto change = changing({{*inode, cache::kAttrs}});
    const auto reply = call<rpc::SetAttr>({.target = pin.target, .mode = mode & 07777U & ~bits});
    if (reply.ok()) {
        inode->mode = reply->attr.mode;
    } else {
        log_warning("inode {} keeps its set-id bits: {}", inode->number, reply.error().text);
    }
    return true;
}

Result<LinkTarget> Filesystem::readlink(InodeId inode)
{
    const auto object = GM_TRY(known(inode));
    const Pin pin = inodes_.pin(*object);
    auto reply = GM_TRY(call<rpc::ReadLink>({.target = pin.target}));
    return LinkTarget{std::move(reply.link_target)};
}

Result<struct statvfs> Filesystem::statfs(InodeId inode)
{
    const auto object = GM_TRY(known(inode));
    const Pin pin = inodes_.pin(*object);
    const auto reply = GM_TRY(call<rpc::StatFs>({.target = pin.target}));
    struct statvfs shown = {};
    shown.f_bsize = reply.block_size;
    shown.f_frsize = reply.fragment_size;
    shown.f_blocks = reply.blocks;
    shown.f_bfree = reply.blocks_free;
    shown.f_bavail = reply.blocks_available;
    shown.f_files = reply.files;
    shown.f_ffree = reply.files_free;
    shown.f_favail = reply.files_free;
    shown.f_namemax = reply.name_max;
    return shown;
}

// Asked only where the kernel does not check modes itself: whoever may use the mount acts as the guest's root, who may
// do anything but execute what nobody may execute.
Result<void> Filesystem::access(InodeId inode, int mask)
{
    const auto object = GM_TRY(known(inode));
    if ((mask & X_OK) != 0 && object->type != S_IFDIR) {
        const auto now = GM_TRY(getattr(inode, nullptr));
        if ((now.attr.st_mode & 0111U) == 0) {
            return make_error(EACCES, "a file that nobody may execute");
        }
    }
    return {};
}

Result<IoctlReply> Filesystem::ioctl(const Interruptible& request, InodeId inode, unsigned command, void* /*argument*/,
                                     fuse_file_info* /*file*/, unsigned /*flags*/, const void* input,
                                     std::size_t input_size, std::size_t output_size)
{
    const auto object = GM_TRY(known(inode));
    // The guest takes no late data for a file that became immutable.
    if (command == FS_IOC_SETFLAGS && handles_.written_through(inode) && !notices_.write_back(inode)) {
        return make_error(EBUSY, "too many files are written back at once");
    }
    const Pin pin = inodes_.pin(*object);
    switch (command) {
    case FS_IOC_GETFLAGS: {
        const auto reply = GM_TRY(call<rpc::GetInodeFlags>({.target = pin.target}));
        return IoctlReply{bytes_of(reply.flags, output_size)};
    }
    case FS_IOC_FSGETXATTR: {
        const auto reply = GM_TRY(call<rpc::GetInodeFlags>({.target = pin.target}));
        return IoctlReply{bytes_of(extended(reply.flags), output_size)};
    }
    case FS_IOC_SETFLAGS: {
        const auto flags = GM_TRY(value_of<std::uint32_t>(input, input_size));
        const auto change = changing({{*object, cache::kAttrs}});
        GM_TRY(call<rpc::SetInodeFlags>({.target = pin.target, .flags = flags}));
        caches_.attrs.erase(key_of(*object)); // it may be immutable now,
        new_folders_.gone(inode);             // or think of names otherwise
        notices_.attributes_changed(inode);   // its ctime
        return IoctlReply{};
    }
    case FITRIM: {
        auto range = GM_TRY(value_of<fstrim_range>(input, input_size));
        const auto reply = GM_TRY(call<rpc::Trim>(
            {.target = pin.target, .start = range.start, .length = range.len, .minimum = range.minlen}, request.stop));
        range.len = reply.trimmed;
        return IoctlReply{bytes_of(range, output_size)};
    }
    default:
        return make_error(ENOTTY, "ioctl {:#x}", command);
    }
}

} // namespace gm::mount
