// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cache/content_walk.hpp"

#include <sys/stat.h>

namespace gm::cache {

ContentWalk::Folder& ContentWalk::folder_of(const Key& key)
{
    if (const auto found = folder_index_.find(key); found != folder_index_.end()) {
        folders_.splice(folders_.begin(), folders_, found->second);
        return folders_.front();
    }
    if (folders_.size() >= kMaxFolders) {
        folder_index_.erase(folders_.back().key);
        folders_.pop_back();
    }
    folders_.emplace_front().key = key;
    folder_index_[key] = folders_.begin();
    return folders_.front();
}

void ContentWalk::unqueue(const Key& file)
{
    if (const auto found = index_.find(file); found != index_.end()) {
        ahead_bytes_ -= found->second->bytes;
        queue_.erase(found->second);
        index_.erase(found);
    }
}

bool ContentWalk::on_file(const Key& folder, const Key& file)
{
    ++files_read_;
    unqueue(file);
    while (!queue_.empty() && files_read_ - queue_.front().at > kPatience) {
        unqueue(Key{queue_.front().file});
    }
    if (std::exchange(last_folder_, folder) != folder && files_read_ > 1) {
        ++switches_;
    }
    Folder& here = folder_of(folder);
    here.handled.insert(file);
    return ++here.files > 1;
}

void ContentWalk::start_behind(Folder& folder, const Pages& pages, std::string_view name)
{
    for (std::size_t i = 0; i < pages.size(); ++i) {
        if (const auto* entry = name.empty() ? nullptr : pages[i]->find(name)) {
            folder.page = i;
            folder.entry = static_cast<std::size_t>(entry - pages[i]->entries().data()) + 1;
        }
    }
    folder.started = true;
}

ContentWalk::Plan ContentWalk::plan(const Key& key, const Pages& pages, std::string_view name,
                                    const std::function<Ready(const Key&)>& ready)
{
    Plan plan;
    Folder& folder = folder_of(key);
    if (!folder.started) {
        start_behind(folder, pages, name);
    }
    while (!full() && !pages.empty()) {
        if (folder.page >= pages.size()) {
            if (folder.wrapped || !pages.back()->end()) {
                break; // all seen; or more pages will come
            }
            folder.wrapped = true; // somebody who reads in another order comes to the first entries too
            folder.page = folder.entry = 0;
            continue;
        }
        const auto& page = pages[folder.page];
        if (folder.entry >= page->entries().size()) {
            ++folder.page;
            folder.entry = 0;
            continue;
        }
        const auto& entry = page->entries()[folder.entry];
        const bool wanted =
            entry.attr && (entry.attr->mode & S_IFMT) == S_IFREG && entry.attr->size != 0 && entry.attr->size <= small_;
        if (wanted && !folder.handled.contains(Key::of(*entry.attr))) {
            const Key file = Key::of(*entry.attr);
            const auto state = ready(file);
            if (state == Ready::unknown) {
                plan.undecided = Entry{page, folder.entry};
            }
            if (state != Ready::yes) {
                break;
            }
            folder.handled.insert(file);
            if (!index_.contains(file)) {
                index_[file] = queue_.insert(queue_.end(), {file, entry.attr->size, files_read_});
                ahead_bytes_ += entry.attr->size;
            }
            plan.read.push_back({page, folder.entry});
        }
        ++folder.entry;
    }
    return plan;
}

} // namespace gm::cache
