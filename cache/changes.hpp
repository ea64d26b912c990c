// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What this mount changes, and when: the one thing that decides whether something fetched earlier may still be used.
// Every operation that changes the guest holds a Scope from before its call is sent until its reply is here. Whoever
// fetches takes now() before, keeps it with what it got, and asks unchanged() before each use. Owned by the mount,
// outlives all caches. Any thread may call; a mount that never changes anything pays two atomic loads a question.
#pragma once

#include "cache/key.hpp"

#include <array>
#include <atomic>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

namespace gm::cache {

// What of an object changes; to be combined with |.
using Aspects = unsigned;
constexpr Aspects kNames = 1;    // the entries of a folder
constexpr Aspects kAttrs = 2;    // what stat(2) tells, the link count included
constexpr Aspects kXattrs = 4;   // extended attributes, ACLs included, changed by themselves
constexpr Aspects kData = 8;     // the content of a file and where it lies
constexpr Aspects kEntries = 16; // attributes or data of what a folder lists: for file systems that number objects anew
constexpr Aspects kEverything = 31; // of a number that begins or ends its life

enum class Epoch : std::uint64_t {};

class Changes {
public:
    struct Change {
        Key key;
        Aspects aspects = 0;
    };

    // Marks a change as under way. Movable; ends the change when destroyed.
    class [[nodiscard]] Scope {
    public:
        Scope(Scope&& other) noexcept
            : changes_(std::exchange(other.changes_, nullptr)), begun_(other.begun_),
              changing_(std::move(other.changing_))
        {
        }
        Scope& operator=(Scope&&) = delete;
        Scope(const Scope&) = delete;
        Scope& operator=(const Scope&) = delete;
        ~Scope();

        // Ends the change. From the answered epoch on, what its reply told is true; nothing when others changed the
        // same meanwhile, so that nobody knows whose change came last.
        std::optional<Epoch> end();

    private:
        friend class Changes;
        Scope(Changes& changes, std::uint64_t begun, std::vector<Change> changing)
            : changes_(&changes), begun_(begun), changing_(std::move(changing))
        {
        }

        Changes* changes_;
        std::uint64_t begun_;
        std::vector<Change> changing_;
    };

    [[nodiscard]] Epoch now() const { return Epoch{epoch_.load()}; }

    Scope begin(std::vector<Change> changing);
    // For what is known only when the reply is here, such as the number that a new file got.
    void note(const Key& key, Aspects aspects) { static_cast<void>(begin({{key, aspects}})); }

    // Whether none of `aspects` of `key` has changed, or was changing, since `since`.
    [[nodiscard]] bool unchanged(const Key& key, Aspects aspects, Epoch since) const;
    // Whether nothing at all has; true lets a caller skip many questions.
    [[nodiscard]] bool all_unchanged(Epoch since) const
    {
        return Epoch{epoch_.load()} <= since && changing_.load() == 0;
    }

    // Whether the file's data may be in the guest's memory only: changed here, not synced since.
    [[nodiscard]] bool unsynced(const Key& key) const;
    // After a sync of one file, or of everything, that succeeded: `before` is now() from before its call was sent.
    void synced(const Key& key, Epoch before);
    void all_synced(Epoch before);

    static constexpr std::size_t kMaxRecords = 65536; // beyond it everything fetched so far counts as changed

private:
    static constexpr std::size_t kAspectCount = 5;
    struct Record {
        std::array<std::uint64_t, kAspectCount> last{}; // epoch of the last change
        std::array<std::uint32_t, kAspectCount> under_way{};
    };

    std::optional<Epoch> end(std::uint64_t begun, const std::vector<Change>& changing);
    void stamp(Record& record, Aspects aspects, int under_way) const;    // under mutex_
    [[nodiscard]] bool data_settled(const Key& key, Epoch before) const; // under mutex_

    std::atomic<std::uint64_t> epoch_{0};    // written under mutex_
    std::atomic<std::uint64_t> changing_{0}; // scopes alive; written under mutex_
    mutable std::mutex mutex_;               // level: leaf
    std::unordered_map<Key, Record, KeyHash> records_;
    std::uint64_t floor_ = 0; // epoch of the last change of whatever has no record
    std::unordered_set<Key, KeyHash> unsynced_;
};

} // namespace gm::cache
