// SPDX-License-Identifier: GPL-2.0-or-later
//
// Operations on names: finding, making, linking, removing and moving them.
#include "mount/case_folding.hpp"
#include "mount/filesystem.hpp"

#include <sys/sysmacros.h>

namespace gm::mount {
namespace {

constexpr std::size_t kMostCompared = 100'000;                   // entries of a folder, for one name
constexpr cache::Aspects kMoved = cache::kAttrs | cache::kNames; // a folder's "..", too

} // namespace

Result<Entry> Filesystem::lookup(InodeId parent, std::string_view name)
{
    const auto below = GM_TRY(name_below(parent, name));
    if (name == "." || name == "..") {
        return lookup_for_export(below.folder, name);
    }
    if (const auto listed = caches_.pages.find(key_of(*below.folder), name)) {
        return entry(below, *listed->entry->attr, rpc::NodeId::none);
    }
    if (new_folders_.lacks(below.folder->id, name)) {
        return Entry{.ref = {}, .attr = {}, .name_timeout = options_.name_timeout};
    }
    const auto node = GM_TRY(folder_node(below.folder));
    auto reply = call<rpc::Lookup>({.parent = node, .leaf = below.leaf});
    if (!reply.ok() && reply.error().errno_value == ENOENT) {
        const auto spelled =
            options_.ignore_case ? GM_TRY(other_spelling(below.folder, name)) : std::optional<std::string>{};
        if (spelled && *spelled != name) {
            return lookup(parent, *spelled);
        }
        return Entry{.ref = {}, .attr = {}, .name_timeout = options_.name_timeout};
    }
    const auto found = GM_TRY(std::move(reply));
    return entry(below, found.attr, found.node);
}

Result<std::optional<std::string>> Filesystem::other_spelling(const InodePtr& folder, std::string_view name)
{
    const std::string wanted = case_folded(name);
    std::uint64_t at = 0;
    for (std::size_t compared = 0; compared < kMostCompared;) {
        const auto view = [&] {
            const Pin pin = inodes_.pin(*folder);
            return caches_.folders.read(key_of(*folder), pin.target, at);
        }();
        GM_TRY(view);
        const auto& page = *view->page;
        if (page.node()) { // what is below is named by it
            inodes_.bind_shared(*folder, page.node()->node(), page.node());
        }
        for (std::size_t i = view->first; i < page.entries().size(); ++i, ++compared) {
            const auto& entry = page.entries()[i];
            if (case_folded(entry.name) == wanted) {
                return std::optional{entry.name};
            }
            at = entry.next_offset;
        }
        if (page.end() || view->first >= page.entries().size()) {
            break;
        }
    }
    return std::optional<std::string>{};
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
    const auto change = changing({{*below.folder, cache::kNames | cache::kAttrs}});
    new_folders_.added(below.folder->id, name);
    const auto made = GM_TRY(call<rpc::MakeNode>({.parent = node,
                                                  .leaf = below.leaf,
                                                  .mode = mode,
                                                  .rdev_major = major(rdev),
                                                  .rdev_minor = minor(rdev),
                                                  .caller = options_.view.creator(request)}));
    return made_entry(below, made.attr, rpc::NodeId::none);
}

Result<Entry> Filesystem::mkdir(const Request& request, InodeId parent, std::string_view name, mode_t mode)
{
    const auto below = GM_TRY(name_below(parent, name));
    const auto node = GM_TRY(folder_node(below.folder));
    const auto change = changing({{*below.folder, cache::kNames | cache::kAttrs}});
    new_folders_.added(below.folder->id, name);
    const auto made = GM_TRY(call<rpc::MakeDir>(
        {.parent = node, .leaf = below.leaf, .mode = mode, .caller = options_.view.creator(request)}));
    auto made_here = made_entry(below, made.attr, made.node);
    if (made.exact_names) {
        new_folders_.made(made_here.ref->inode()->id);
    }
    return made_here;
}

Result<Entry> Filesystem::symlink(const Request& request, std::string_view target, InodeId parent,
                                  std::string_view name)
{
    const auto below = GM_TRY(name_below(parent, name));
    const auto node = GM_TRY(folder_node(below.folder));
    const auto change = changing({{*below.folder, cache::kNames | cache::kAttrs}});
    new_folders_.added(below.folder->id, name);
    const auto made = GM_TRY(call<rpc::MakeSymlink>({.parent = node,
                                                     .leaf = below.leaf,
                                                     .link_target = std::string(target),
                                                     .caller = options_.view.creator(request)}));
    return made_entry(below, made.attr, rpc::NodeId::none);
}

Result<Entry> Filesystem::link(InodeId inode, InodeId new_parent, std::string_view new_name)
{
    const auto object = GM_TRY(known(inode));
    const auto below = GM_TRY(name_below(new_parent, new_name));
    const auto node = GM_TRY(folder_node(below.folder));
    const auto change = changing({{*below.folder, cache::kNames | cache::kAttrs}, {*object, cache::kAttrs}});
    new_folders_.added(below.folder->id, new_name);
    const auto reply = [&] {
        const Pin pin = inodes_.pin(*object);
        return call<rpc::MakeLink>({.target = pin.target, .parent = node, .leaf = below.leaf});
    }();
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
    const auto change = changing({{*below.folder, cache::kNames | cache::kAttrs}});
    const auto known_inode = inodes_.named(below);
    // Of what is no regular file the kernel tells no opens.
    const bool in_use = known_inode && (known_inode->type != S_IFREG || known_inode->opening != 0 ||
                                        handles_.is_open(known_inode->id));
    const auto removed =
        GM_TRY(call<rpc::RemoveName>({.parent = node, .leaf = below.leaf, .folder = folder, .keep = folder || in_use}));
    lost_a_name(inodes_.name_removed(below, removed.node, removed.attr), removed.attr);
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
    const auto change =
        changing({{*from.folder, cache::kNames | cache::kAttrs}, {*to.folder, cache::kNames | cache::kAttrs}});
    new_folders_.added(to.folder->id, new_name);
    const auto renamed = GM_TRY(call<rpc::Rename>(
        {.parent = from_node, .leaf = from.leaf, .new_parent = to_node, .new_leaf = to.leaf, .flags = flags}));
    const bool other = renamed.replaced != rpc::NodeId::none && renamed.replaced_attr;
    if (other && (flags & RENAME_EXCHANGE) != 0) {
        const auto [first, second] =
            inodes_.names_exchanged(from, to, {renamed.node, renamed.attr}, {renamed.replaced, *renamed.replaced_attr});
        changed(renamed.attr, kMoved, first);
        changed(*renamed.replaced_attr, kMoved, second);
        return {};
    }
    if (other) { // before the moved object gets its name
        lost_a_name(inodes_.name_removed(to, renamed.replaced, *renamed.replaced_attr), *renamed.replaced_attr);
    }
    changed(renamed.attr, kMoved, inodes_.name_moved(from, to, renamed.node, renamed.attr));
    return {};
}

void Filesystem::lost_a_name(const InodePtr& inode, const rpc::Attr& attr)
{
    const bool folder = S_ISDIR(attr.mode);
    changed(attr, folder || attr.nlink == 0 ? cache::kEverything : cache::kAttrs, inode);
    if (inode && attr.nlink == 0) { // the last that can be said of it to who has it by a path descriptor
        caches_.attrs.put(key_of(*inode), attr, caches_.changes.now());
    }
    if (folder) { // its pages keep its node, and with that its space in the guest
        caches_.pages.erase(cache::Key::of(attr));
        if (inode) {
            new_folders_.gone(inode->id);
        }
    }
}

} // namespace gm::mount
