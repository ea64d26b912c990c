// SPDX-License-Identifier: GPL-2.0-or-later
//
// The open files of the mount: one for each open of the kernel on a writable mount; on a read-only mount, where the
// kernel tells of no opens, one for each of the files read last. Owned by the Filesystem; any thread.
#pragma once

#include "mount/open_file.hpp"

#include <list>
#include <unordered_map>

namespace gm::mount {

// What the kernel gives back to mean an open file (fh).
enum class HandleKey : std::uint64_t { none = 0 };

class HandleTable {
public:
    HandleKey add(OpenFilePtr file);
    [[nodiscard]] OpenFilePtr get(HandleKey key) const; // null: no such
    void remove(HandleKey key);
    // Whether a file open for writing may have left changes in the kernel's page cache.
    [[nodiscard]] bool written_through(InodeId inode) const;

    // Whether the kernel has it open.
    [[nodiscard]] bool is_open(InodeId inode) const;

    // The shared reader of a file; `make` makes it when it is not among the last used.
    template <typename Make>
    OpenFilePtr reader(InodeId inode, Make&& make)
    {
        OpenFilePtr oldest; // released after the lock
        return readers_.with([&](Readers& readers) {
            const auto found = readers.positions.find(inode);
            if (found != readers.positions.end()) {
                readers.recent.splice(readers.recent.begin(), readers.recent, found->second);
                return *found->second;
            }
            readers.recent.push_front(make());
            readers.positions.emplace(inode, readers.recent.begin());
            if (readers.recent.size() > kReaders) {
                oldest = std::move(readers.recent.back());
                readers.positions.erase(oldest->inode()->id);
                readers.recent.pop_back();
            }
            return readers.recent.front();
        });
    }

private:
    static constexpr std::size_t kReaders = 128;

    struct Files {
        std::uint64_t last_key = 0;
        std::unordered_map<HandleKey, OpenFilePtr> open;
        struct Opens {
            unsigned all = 0;
            unsigned writers = 0;
        };
        std::unordered_map<InodeId, Opens> by_inode;
    };
    struct Readers {
        std::list<OpenFilePtr> recent; // the last used first
        std::unordered_map<InodeId, std::list<OpenFilePtr>::iterator> positions;
    };
    Guarded<Files> files_;     // level: leaf
    Guarded<Readers> readers_; // level: leaf
};

} // namespace gm::mount
