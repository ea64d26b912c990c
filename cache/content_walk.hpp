// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Recognises that somebody reads the small files of folders one after the other, and says which to read ahead. Bounds
// what is read ahead and not yet used. Pure policy, without calls and locks: its owner serialises access.
#pragma once

#include "cache/folder_page.hpp"

#include <functional>
#include <list>
#include <unordered_map>
#include <unordered_set>

namespace gm::cache {

class ContentWalk {
public:
    static constexpr std::size_t kMaxFolders = 64;   // remembered
    static constexpr std::uint64_t kPatience = 4096; // files read until one fetched in vain is forgotten
    static constexpr std::size_t kMaxFiles = 1024;   // ahead

    // `max_bytes` are read ahead at most; files up to `small` bytes are.
    ContentWalk(std::uint64_t max_bytes, std::uint64_t small) : max_bytes_(max_bytes), small_(small) {}

    // A file is read from its beginning. True when others of its folder will probably follow.
    bool on_file(const Key& folder, const Key& file);
    // Whether files of several folders have been read.
    [[nodiscard]] bool across_folders() const { return switches_ > 0; }

    using Pages = std::vector<std::shared_ptr<const FolderPage>>;
    struct Entry {
        std::shared_ptr<const FolderPage> page;
        std::size_t index = 0;
        [[nodiscard]] const rpc::Attr& attr() const { return *page->entries()[index].attr; }
    };
    enum class Ready { yes, later, unknown };
    struct Plan {
        std::vector<Entry> read;        // now; they count as ahead
        std::optional<Entry> undecided; // the first that `ready` knows nothing of
    };
    // What to read ahead in `folder`: entries behind `name`, or from the first one on.
    Plan plan(const Key& folder, const Pages& pages, std::string_view name,
              const std::function<Ready(const Key&)>& ready);
    // It could not be read ahead.
    void give_up(const Key& file) { unqueue(file); }

    // Few enough are ahead that it is worth planning.
    [[nodiscard]] bool hungry() const { return ahead_bytes_ < max_bytes_ / 2 && queue_.size() < kMaxFiles / 2; }

private:
    struct Folder {
        Key key;
        std::size_t files = 0; // read by the user
        std::unordered_set<Key, KeyHash> handled;
        bool started = false; // the place below is set
        std::size_t page = 0; // next to look at
        std::size_t entry = 0;
        bool wrapped = false;
    };
    struct Ahead {
        Key file;
        std::uint64_t bytes = 0;
        std::uint64_t at = 0; // files_read_ then
    };

    Folder& folder_of(const Key& key);
    void unqueue(const Key& file);
    [[nodiscard]] bool full() const { return ahead_bytes_ >= max_bytes_ || queue_.size() >= kMaxFiles; }
    static void start_behind(Folder& folder, const Pages& pages, std::string_view name);

    const std::uint64_t max_bytes_;
    const std::uint64_t small_;
    std::list<Folder> folders_; // used last first
    std::unordered_map<Key, std::list<Folder>::iterator, KeyHash> folder_index_;
    std::list<Ahead> queue_; // oldest first
    std::unordered_map<Key, std::list<Ahead>::iterator, KeyHash> index_;
    std::uint64_t ahead_bytes_ = 0;
    std::uint64_t files_read_ = 0;
    std::uint64_t switches_ = 0; // from one folder's files to another's
    Key last_folder_;
};

} // namespace gm::cache
