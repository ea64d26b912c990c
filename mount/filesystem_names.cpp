// SPDX-License-Identifier: GPL-2.0-or-later
//
// Operations on names: finding, making, linking, removing and moving them.
#include "mount/filesystem.hpp"

#include <sys/sysmacros.h>

namespace gm::mount {

Result<Entry> Filesystem::lookup(InodeId parent, std::string_view name)
{
    const auto below = GM_TRY(name_below(parent, name));
    if (name == "." || name == "..") {
        return lookup_for_export(below.folder, name);
    }
    if (caches_) {
        const auto listed = caches_->pages.find(key_of(*below.folder), name);
        if (listed && listed->entry->attr) {
            return entry(below, *listed->entry->attr, rpc::NodeId::none);
        }
    }
    const auto node = GM_TRY(folder_node(below.folder));
    auto reply = call<rpc::Lookup>({.parent = node, .leaf = below.leaf});
    if (!reply.ok() && reply.error().errno_value == ENOENT) {
        return Entry{.ref = {}, .attr = {}, .name_timeout = options_.name_timeout};
    }
    const auto found = GM_TRY(std::move(reply));
    return entry(below, found.attr, found.node);
}

// How the kernel finds an inode again that it knows by number only (name_to_handle_at(2), NFS).
Result<Entry> Filesystem::lookup_for_export(const InodePtr& folder, std::string_view name)
{
    InodePtr inode = folder;
    if (name == ".." && folder->id != InodeId::root) {
        inode = inodes_.parent_of(*folder);
    }
    if (!inode) {
        return make_error(ESTALE, "a removed folder");
    }
    const Pin pin = inodes_.pin(*inode);
    const auto reply = GM_TRY(call<rpc::GetAttr>({.target = pin.target}));
    InodePtr above = inodes_.parent_of(*inode);
    return entry({above ? std::move(above) : inode, std::string(name)}, reply.attr, rpc::NodeId::none);
}

void Filesystem::forget(InodeId inode, std::uint64_t lookups)
{
    inodes_.forget(inode, lookups);
}

void Filesystem::forget_multi(std::size_t count, fuse_forget_data* forgets)
{
    for (std::size_t i = 0; i < count; ++i) {
        inodes_.forget(InodeId{forgets[i].ino}, forgets[i].nlookup);
    }
}

Result<Entry> Filesystem::mknod(const Request& request, InodeId parent, std::string_view name, mode_t mode, dev_t rdev)
{
    const auto below = GM_TRY(name_below(parent, name));
    const auto node = GM_TRY(folder_node(below.folder));
    const auto reply = call<rpc::MakeNode>({.parent = node,
                                            .leaf = below.leaf,
                                            .mode = mode,
                                            .rdev_major = major(rdev),
                                            .rdev_minor = minor(rdev),
                                            .caller = options_.view.creator(request)});
    changed(below.folder);
    const auto made = GM_TRY(reply);
    return entry(below, made.attr, rpc::NodeId::none);
}

Result<Entry> Filesystem::mkdir(const Request& request, InodeId parent, std::string_view name, mode_t mode)
{
    const auto below = GM_TRY(name_below(parent, name));
    const auto node = GM_TRY(folder_node(below.folder));
    const auto reply = call<rpc::MakeDir>(
        {.parent = node, .leaf = below.leaf, .mode = mode, .caller = options_.view.creator(request)});
    changed(below.folder);
    const auto made = GM_TRY(reply);
    return entry(below, made.attr, made.node);
}

Result<Entry> Filesystem::symlink(const Request& request, std::string_view target, InodeId parent,
                                  std::string_view name)
{
    const auto below = GM_TRY(name_below(parent, name));
    const auto node = GM_TRY(folder_node(below.folder));
    const auto reply = call<rpc::MakeSymlink>({.parent = node,
                                               .leaf = below.leaf,
                                               .link_target = std::string(target),
                                               .caller = options_.view.creator(request)});
    changed(below.folder);
    const auto made = GM_TRY(reply);
    return entry(below, made.attr, rpc::NodeId::none);
}

Result<Entry> Filesystem::link(InodeId inode, InodeId new_parent, std::string_view new_name)
{
    const auto object = GM_TRY(known(inode));
    const auto below = GM_TRY(name_below(new_parent, new_name));
    const auto node = GM_TRY(folder_node(below.folder));
    const auto reply = [&] {
        const Pin pin = inodes_.pin(*object);
        return call<rpc::MakeLink>({.target = pin.target, .parent = node, .leaf = below.leaf});
    }();
    changed(below.folder);
    changed(object);
    const auto made = GM_TRY(reply);
    return entry(below, made.attr, rpc::NodeId::none);
}

Result<void> Filesystem::unlink(InodeId parent, std::string_view name)
{
    return remove(parent, name, false);
}

Result<void> Filesystem::rmdir(InodeId parent, std::string_view name)
{
    return remove(parent, name, true);
}

Result<void> Filesystem::remove(InodeId parent, std::string_view name, bool folder)
{
    const auto below = GM_TRY(name_below(parent, name));
    const auto node = GM_TRY(folder_node(below.folder));
    const NameLock lock = inodes_.lock_names(below);
    const auto reply = call<rpc::RemoveName>({.parent = node, .leaf = below.leaf, .folder = folder});
    changed(below.folder);
    const auto removed = GM_TRY(reply);
    changed(inodes_.name_removed(below, removed.node, removed.attr));
    return {};
}

Result<void> Filesystem::rename(InodeId parent, std::string_view name, InodeId new_parent, std::string_view new_name,
                                unsigned flags)
{
    const auto from = GM_TRY(name_below(parent, name));
    const auto to = GM_TRY(name_below(new_parent, new_name));
    const auto from_node = GM_TRY(folder_node(from.folder));
    const auto to_node = GM_TRY(folder_node(to.folder));
    const NameLock lock = inodes_.lock_names(from, &to);
    const auto reply = call<rpc::Rename>(
        {.parent = from_node, .leaf = from.leaf, .new_parent = to_node, .new_leaf = to.leaf, .flags = flags});
    changed(from.folder);
    changed(to.folder);
    const auto renamed = GM_TRY(reply);
    const bool other = renamed.replaced != rpc::NodeId::none && renamed.replaced_attr;
    if (other && (flags & RENAME_EXCHANGE) != 0) {
        for (const auto& inode : inodes_.names_exchanged(from, to, {renamed.node, renamed.attr},
                                                         {renamed.replaced, *renamed.replaced_attr})) {
            changed(inode);
        }
        return {};
    }
    if (other) { // before the moved object gets its name
        changed(inodes_.name_removed(to, renamed.replaced, *renamed.replaced_attr));
    }
    changed(inodes_.name_moved(from, to, renamed.node, renamed.attr));
    return {};
}

} // namespace gm::mount
