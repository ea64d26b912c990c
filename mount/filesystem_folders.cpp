// SPDX-License-Identifier: GPL-2.0-or-later
//
// Operations on open folders.
#include "mount/filesystem.hpp"

#include <dirent.h>

namespace gm::mount {

Result<Opened> Filesystem::opendir(InodeId /*inode*/, fuse_file_info* /*file*/)
{
    // The kernel does not ask again, and caches what it reads of folders: only it changes them.
    return make_error(ENOSYS, "opens are the kernel's own affair");
}

Result<DirBuffer> Filesystem::readdir(InodeId inode, std::size_t size, off_t offset, fuse_file_info* /*file*/)
{
    return read_folder(inode, size, offset, false);
}

Result<DirBuffer> Filesystem::readdirplus(InodeId inode, std::size_t size, off_t offset, fuse_file_info* /*file*/)
{
    return read_folder(inode, size, offset, true);
}

Result<DirBuffer> Filesystem::read_folder(InodeId inode, std::size_t size, off_t offset, bool with_attributes)
{
    late_.settle();
    const auto folder = GM_TRY(known(inode));
    DirBuffer buffer(size, with_attributes);
    auto at = static_cast<std::uint64_t>(offset);
    while (true) {
        const auto view = [&] {
            const Pin pin = inodes_.pin(*folder);
            return caches_.folders.read(key_of(*folder), pin.target, at);
        }();
        GM_TRY(view);
        const auto& page = *view->page;
        if (page.node()) { // what is below is named by it
            inodes_.bind_shared(*folder, page.node()->node(), page.node());
        }
        for (std::size_t i = view->first; i < page.entries().size(); ++i) {
            const auto& entry = page.entries()[i];
            if (!add_entry(buffer, folder, page.seen(), entry)) {
                return buffer;
            }
            at = entry.next_offset;
        }
        if (page.end() || !buffer.bytes().empty()) {
            return buffer;
        }
    }
}

bool Filesystem::add_entry(DirBuffer& buffer, const InodePtr& folder, cache::Epoch seen, const rpc::DirEntry& entry)
{
    struct stat shown = {};
    shown.st_ino = entry.name == "." ? folder->number : inodes_.shown_number(folder->key.filesystem, entry.ino);
    shown.st_mode = DTTOIF(entry.type);
    // An entry that changed since the page was read is only named: the kernel asks for the rest.
    const bool dots = entry.name == "." || entry.name == "..";
    const bool true_still = entry.attr && !dots &&
                            caches_.changes.unchanged(cache::Key::of(*entry.attr), cache::kAttrs, seen) &&
                            caches_.changes.unchanged(key_of(*folder), cache::kEntries, seen);
    auto ref =
        true_still ? std::optional(inodes_.intern({folder, entry.name}, *entry.attr, rpc::NodeId::none)) : std::nullopt;
    if (ref) {
        shown = options_.view.show(*entry.attr, ref->inode()->number);
    }
    return buffer.add(entry.name, entry.next_offset, shown, std::move(ref), options_.name_timeout, options_.timeout);
}

Result<void> Filesystem::fsyncdir(const Interruptible& request, InodeId inode, int data_only, fuse_file_info* /*file*/)
{
    const auto folder = GM_TRY(known(inode));
    const Pin pin = inodes_.pin(*folder);
    GM_TRY(call<rpc::Fsync>({.handle = {}, .target = pin.target, .data_only = data_only != 0}, request.stop));
    if (const int failed = folder->late_errno.exchange(0)) {
        return make_error(failed, "a change before failed");
    }
    return {};
}

} // namespace gm::mount
