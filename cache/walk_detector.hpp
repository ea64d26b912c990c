// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Recognises that somebody walks through a tree of folders, depth-first or breadth-first, and says which folders come
// next. Pure policy, without calls and locks: its owner serialises access.
#pragma once

#include "cache/changes.hpp"
#include "cache/node_hold.hpp"

#include <list>
#include <unordered_map>
#include <vector>

namespace gm::cache {

struct Subfolder {
    Key key;
    Key parent;
    Epoch seen{};                         // when its name was true
    rpc::Target target;                   // below its parent's node,
    std::shared_ptr<const NodeHold> hold; // which lives as long
};

class WalkDetector {
public:
    static constexpr std::size_t kMaxQueue = 8192;  // subfolders remembered
    static constexpr std::size_t kMaxAhead = 64;    // folders fetched that the walk has not reached yet
    static constexpr std::uint64_t kPatience = 512; // folders read until one fetched in vain is forgotten

    // The user reads `folder` from its beginning.
    void opened(const Key& folder);
    // The subfolders of a page of `folder` have become known: by the user's reading, or by a fetch ahead.
    void listed(const Key& folder, std::vector<Subfolder> subfolders);

    // Up to `most` folders to fetch now; they count as fetched.
    [[nodiscard]] std::vector<Subfolder> take(std::size_t most);
    // Folders that the walk will reach next and that have been taken, nearest first.
    [[nodiscard]] std::vector<Key> upcoming(std::size_t most) const;
    // A folder could not be fetched.
    void give_up(const Key& folder) { drop(folder); }

    [[nodiscard]] bool walking() const { return score_ > 0; }

private:
    struct Item {
        Subfolder folder;
        bool taken = false;
        std::uint64_t taken_at = 0; // reads_ then
    };
    using Queue = std::list<Item>;

    void drop(const Key& folder);
    void drop(Queue::iterator item);
    void learn_order(const Item& item);

    Queue queue_; // in the order in which the walk is expected to come
    std::unordered_map<Key, Queue::iterator, KeyHash> index_;
    std::size_t ahead_ = 0;   // taken items in queue_
    unsigned score_ = 0;      // folders read as expected, one after the other
    unsigned breadth_ = 0;    // times a sibling was read where a child could have been
    std::uint64_t reads_ = 0; // folders opened
    Key last_;                // opened last, and its parent
    Key last_parent_;
    Queue::iterator after_last_ = queue_.end(); // where the children of last_ belong, depth-first
};

} // namespace gm::cache
