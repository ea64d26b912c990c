// SPDX-License-Identifier: GPL-2.0-or-later
#include "mount/handle_table.hpp"

namespace gm::mount {

HandleKey HandleTable::add(OpenFilePtr file)
{
    return files_.with([&](Files& files) {
        const HandleKey key{++files.last_key};
        auto& opens = files.by_inode[file->inode()->id];
        ++opens.all;
        opens.writers += file->writable() ? 1U : 0U;
        files.open.emplace(key, std::move(file));
        return key;
    });
}

OpenFilePtr HandleTable::get(HandleKey key) const
{
    return files_.with([&](const Files& files) -> OpenFilePtr {
        const auto found = files.open.find(key);
        return found == files.open.end() ? nullptr : found->second;
    });
}

void HandleTable::remove(HandleKey key)
{
    OpenFilePtr last; // released after the lock: the destructor calls out
    files_.with([&](Files& files) {
        auto node = files.open.extract(key);
        if (node.empty()) {
            return;
        }
        last = std::move(node.mapped());
        const auto opens = files.by_inode.find(last->inode()->id);
        opens->second.writers -= last->writable() ? 1U : 0U;
        if (--opens->second.all == 0) {
            files.by_inode.erase(opens);
        }
    });
}

bool HandleTable::written_through(InodeId inode) const
{
    return files_.with([&](const Files& files) {
        const auto opens = files.by_inode.find(inode);
        return opens != files.by_inode.end() && opens->second.writers != 0;
    });
}

bool HandleTable::is_open(InodeId inode) const
{
    return files_.with([&](const Files& files) { return files.by_inode.contains(inode); });
}

} // namespace gm::mount
