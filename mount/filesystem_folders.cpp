// SPDX-License-Identifier: GPL-2.0-or-later
//
// Operations on open folders.
#include "mount/filesystem.hpp"

#include <dirent.h>

namespace gm::mount {
namespace {

constexpr std::uint32_t kPageBytes = 256 << 10; // some 1,500 entries with attributes

} // namespace

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
    const auto folder = GM_TRY(known(inode));
    DirBuffer buffer(size, with_attributes);
    if (caches_) {
        return read_cached_folder(folder, std::move(buffer), static_cast<std::uint64_t>(offset));
    }
    auto at = static_cast<std::uint64_t>(offset);
    while (true) {
        const auto page = GM_TRY(folder_page(folder, at, with_attributes));
        const auto first = page->find(at).value_or(page->entries.size());
        for (std::size_t i = first; i < page->entries.size(); ++i) {
            if (!add_entry(buffer, folder, page->seen, page->entries[i])) {
                return buffer;
            }
            at = page->entries[i].next_offset;
        }
        if (page->end || !buffer.bytes().empty()) {
            return buffer;
        }
        if (page->entries.empty()) {
            return make_error(EPROTO, "the appliance sent an empty page of a folder");
        }
    }
}

Result<FolderPagePtr> Filesystem::folder_page(const InodePtr& folder, std::uint64_t offset, bool with_attributes)
{
    if (auto kept = pages_.find(folder->id, offset)) {
        return kept;
    }
    const Epoch seen = inodes_.epoch(); // before the daemon looks
    const Pin pin = inodes_.pin(*folder);
    auto reply = GM_TRY(call<rpc::ReadDir>(
        {.folder = pin.target, .offset = offset, .max_bytes = kPageBytes, .with_attrs = with_attributes}));
    if (reply.folder != rpc::NodeId::none) {
        inodes_.bind(*folder, reply.folder);
    }
    const FolderPagePtr page =
        std::make_shared<FolderPage>(FolderPage{folder->id, offset, seen, std::move(reply.entries), reply.end});
    pages_.keep(page);
    return page;
}

Result<DirBuffer> Filesystem::read_cached_folder(const InodePtr& folder, DirBuffer buffer, std::uint64_t offset)
{
    while (true) {
        const auto view = GM_TRY(caches_->folders.read(key_of(*folder), inodes_.pin(*folder).target, offset));
        const auto& page = *view.page;
        if (page.node()) { // what is below is named by it
            inodes_.bind_shared(*folder, page.node()->node(), page.node());
        }
        for (std::size_t i = view.first; i < page.entries().size(); ++i) {
            const auto& entry = page.entries()[i];
            if (!add_entry(buffer, folder, inodes_.epoch(), entry)) {
                return buffer;
            }
            offset = entry.next_offset;
        }
        if (page.end() || !buffer.bytes().empty()) {
            return buffer;
        }
    }
}

bool Filesystem::add_entry(DirBuffer& buffer, const InodePtr& folder, Epoch seen, const rpc::DirEntry& entry)
{
    struct stat shown = {};
    shown.st_ino = entry.name == "." ? folder->number : inodes_.shown_number(folder->key.filesystem, entry.ino);
    shown.st_mode = DTTOIF(entry.type);
    // An entry that changed since the page was read is only named: the kernel asks for the rest.
    const bool dots = entry.name == "." || entry.name == "..";
    auto ref =
        entry.attr && !dots ? inodes_.intern_unless_changed({folder, entry.name}, *entry.attr, seen) : std::nullopt;
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
    return {};
}

} // namespace gm::mount
