// SPDX-License-Identifier: GPL-2.0-or-later
#include "mount/handle_table.hpp"

namespace gm::mount {

HandleKey HandleTable::add(OpenFilePtr file)
{
    return files_.with([&](Files& files) {
        const HandleKey key{++files.last_key};
        if (file->writable()) {
            ++files.writers[file->inode()->id];
        }
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
        if (last->writable()) {
            const auto count = files.writers.find(last->inode()->id);
            if (--count->second == 0) {
                files.writers.erase(count);
            }
        }
    });
}

bool HandleTable::written_through(InodeId inode) const
{
    return files_.with([&](const Files& files) { return files.writers.contains(inode); });
}

} // namespace gm::mount
