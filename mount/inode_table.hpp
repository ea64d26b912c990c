// SPDX-License-Identifier: GPL-2.0-or-later
//
// Which objects the kernel knows, by which number, and how the daemon is told which one is meant. An Inode lives as
// long as the kernel counts a lookup on it, an operation runs on it, or an inode below it is named through it. It is
// either bound (the daemon holds a node for it) or named (a leaf below a bound folder). Only this mount changes the
// guest, so a name stays true until an operation of ours removes or renames it; that operation holds the NameLock.
// Owned by the Filesystem. Any thread. Knows nothing of calls and caches.
#pragma once

#include "core/base/guarded.hpp"
#include "core/rpc/types.hpp"
#include "mount/inode_numbers.hpp"

#include <array>
#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <shared_mutex>
#include <string>
#include <unordered_map>
#include <unordered_set>

namespace gm::mount {

// Our number of an inode, as FUSE carries it (nodeid). Never used twice in one mount.
enum class InodeId : std::uint64_t { none = 0, root = 1 };

// What makes an object the same one: a reused inode number has another time of birth.
struct ObjectKey {
    std::uint32_t filesystem = 0;
    std::uint64_t ino = 0;
    rpc::Timestamp btime;

    static ObjectKey of(const rpc::Attr& attr) { return {attr.filesystem, attr.ino, attr.btime}; }
    bool operator==(const ObjectKey&) const = default;
};

class Inode {
public:
    // `gone`: the object has no name left, so the guest can free its space only once the node is given back.
    using GiveBack = std::function<void(rpc::NodeId, std::uint64_t references, bool gone)>;

    Inode(InodeId id_of, const rpc::Attr& attr, std::uint64_t shown, const GiveBack& give_back)
        : id(id_of), key(ObjectKey::of(attr)), type(attr.mode & S_IFMT), number(shown), mode(attr.mode),
          give_back_(give_back)
    {
    }
    Inode(const Inode&) = delete;
    Inode& operator=(const Inode&) = delete;
    ~Inode(); // gives the daemon's node back

    [[nodiscard]] bool is_folder() const { return type == S_IFDIR; }

    const InodeId id;
    const ObjectKey key;
    const std::uint32_t type;         // S_IFMT
    const std::uint64_t number;       // st_ino as shown
    std::atomic<std::uint32_t> mode;  // as last seen
    std::atomic<int> late_errno{0};   // of a change that was answered before it failed
    std::atomic<unsigned> opening{0}; // opens under way, begun before the object was named for them

private:
    friend class InodeTable;

    const GiveBack& give_back_;
    // Under the table's lock:
    std::uint64_t lookups_ = 0; // what the kernel will forget
    rpc::NodeId node_ = rpc::NodeId::none;
    std::uint64_t node_refs_ = 0;
    std::shared_ptr<const void> node_owner_; // or somebody else has the reference, for as long as this lives
    bool gone_ = false;                      // its last name was removed
    std::shared_ptr<Inode> parent_;          // with leaf_: the name, while it is known
    std::string leaf_;
};
using InodePtr = std::shared_ptr<Inode>;

// One lookup of the kernel, counted but not yet handed over: given back unless leak()ed into a reply that arrived.
class EntryRef {
public:
    EntryRef(class InodeTable& table, InodePtr inode) : table_(&table), inode_(std::move(inode)) {}
    EntryRef(EntryRef&& other) noexcept = default;
    EntryRef& operator=(EntryRef&&) = delete;
    EntryRef(const EntryRef&) = delete;
    EntryRef& operator=(const EntryRef&) = delete;
    ~EntryRef();

    [[nodiscard]] const InodePtr& inode() const { return inode_; }
    // The kernel has it now and will forget it.
    void leak() { inode_.reset(); }

private:
    InodeTable* table_;
    InodePtr inode_; // empty once leaked or moved from
};

// How to name an object in a call. While it lives, no operation of ours takes that name away.
struct Pin {
    rpc::Target target;
    std::shared_lock<std::shared_mutex> lock;
};

// Held while a name (or two) is taken away: nobody has a call under way that uses it.
struct NameLock {
    std::array<std::unique_lock<std::shared_mutex>, 2> locks;
};

struct Name {
    InodePtr folder;
    std::string leaf;
};

class InodeTable {
public:
    // `give_back` takes the daemon's references that are not needed any more; called from any thread, must not block.
    InodeTable(const rpc::Attr& root, Inode::GiveBack give_back);
    InodeTable(const InodeTable&) = delete;
    InodeTable& operator=(const InodeTable&) = delete;

    [[nodiscard]] InodePtr get(InodeId id) const; // null: the kernel forgot it
    // Nothing: the root, or no name is known.
    [[nodiscard]] std::optional<Name> name_of(const Inode& inode) const;
    [[nodiscard]] InodePtr parent_of(const Inode& inode) const;

    // The object seen under `name`, counted once for the kernel. `node`, when there is one, carries a daemon reference,
    // which the inode takes over.
    EntryRef intern(const Name& name, const rpc::Attr& attr, rpc::NodeId node);
    void forget(InodeId id, std::uint64_t lookups);

    // Takes over one daemon reference to `node` for an inode that may have one already.
    void bind(Inode& inode, rpc::NodeId node);
    // The same for a node whose reference `owner` has.
    void bind_shared(Inode& inode, rpc::NodeId node, std::shared_ptr<const void> owner);
    [[nodiscard]] rpc::NodeId node_of(const Inode& inode) const; // none: only named
    [[nodiscard]] Pin pin(const Inode& inode);

    [[nodiscard]] NameLock lock_names(const Name& first, const Name* second = nullptr);
    // The object of that name; null when the kernel does not know it.
    [[nodiscard]] InodePtr named(const Name& name) const;
    // After the daemon removed `name` of the object `attr`, answering with its node (one reference), or with none when
    // the object is no more. The inode, when the kernel knows it.
    InodePtr name_removed(const Name& name, rpc::NodeId node, const rpc::Attr& attr);
    // After the object `attr` moved from one name to another that nothing has any more. The same.
    InodePtr name_moved(const Name& from, const Name& to, rpc::NodeId node, const rpc::Attr& attr);
    // After two objects changed places: the first is now at the second name, and the other way round.
    struct Seen {
        rpc::NodeId node;
        const rpc::Attr& attr;
    };
    std::array<InodePtr, 2> names_exchanged(const Name& first, const Name& second, const Seen& now_second,
                                            const Seen& now_first);

    // Whether it has lost its last name.
    [[nodiscard]] bool is_gone(const Inode& inode) const
    {
        return state_.with([&](const State&) { return inode.gone_; });
    }

    [[nodiscard]] std::uint64_t shown_number(std::uint32_t filesystem, std::uint64_t ino)
    {
        return numbers_.show(filesystem, ino);
    }
    [[nodiscard]] std::size_t size() const;

private:
    struct KeyHash {
        std::size_t operator()(const ObjectKey& key) const;
    };
    struct NameView {
        InodeId folder;
        std::string_view leaf;
    };
    struct NameHash {
        using is_transparent = void;
        std::size_t operator()(const NameView& name) const;
        std::size_t operator()(const Inode* inode) const;
    };
    struct NameEqual {
        using is_transparent = void;
        bool operator()(const Inode* a, const Inode* b) const { return a == b; }
        bool operator()(const NameView& name, const Inode* inode) const;
        bool operator()(const Inode* inode, const NameView& name) const { return (*this)(name, inode); }
    };
    struct State {
        std::uint64_t last_id = static_cast<std::uint64_t>(InodeId::root);
        std::unordered_map<InodeId, InodePtr> inodes;
        std::unordered_map<ObjectKey, Inode*, KeyHash> by_key;
        std::unordered_multiset<Inode*, NameHash, NameEqual> by_name; // those of `inodes` that have a name
    };

    InodePtr intern_locked(State& state, const Name& name, const rpc::Attr& attr, rpc::NodeId node);
    static Inode* find_name(const State& state, const NameView& name);
    static Inode* find_object(const State& state, const Name& name, const rpc::Attr& attr);
    static void set_name(State& state, Inode& inode, const Name& name);
    static void drop_name(State& state, Inode& inode);
    static void erase_key(State& state, const Inode& inode);
    void bind_locked(Inode& inode, rpc::NodeId node);
    static InodePtr share(const State& state, const Inode* inode);
    std::shared_mutex& stripe_of(InodeId id);

    const Inode::GiveBack give_back_; // outlives the inodes below
    InodeNumbers numbers_;
    // Level: above the table's lock. An operation holds one shared, or up to two exclusively in this order, and none
    // when it asks for another.
    std::array<std::shared_mutex, 128> stripes_;
    Guarded<State> state_; // level: below stripes_, above the taker of node references
};

} // namespace gm::mount
