// SPDX-License-Identifier: GPL-2.0-or-later
#include "mount/inode_table.hpp"

#include <algorithm>

namespace gm::mount {
namespace {

constexpr std::size_t mix(std::size_t seed, std::uint64_t value)
{
    return (seed ^ value) * 0x9e3779b97f4a7c15U + (seed >> 29);
}

} // namespace

Inode::~Inode()
{
    if (node_refs_ != 0) {
        give_back_(node_, node_refs_, gone_);
    }
}

EntryRef::~EntryRef()
{
    if (inode_) {
        table_->forget(inode_->id, 1);
    }
}

std::size_t InodeTable::KeyHash::operator()(const ObjectKey& key) const
{
    return mix(mix(key.filesystem, key.ino), static_cast<std::uint64_t>(key.btime.seconds) ^ key.btime.nanoseconds);
}

std::size_t InodeTable::NameHash::operator()(const NameView& name) const
{
    return mix(std::hash<std::string_view>{}(name.leaf), static_cast<std::uint64_t>(name.folder));
}

std::size_t InodeTable::NameHash::operator()(const Inode* inode) const
{
    return (*this)(NameView{inode->parent_->id, inode->leaf_});
}

bool InodeTable::NameEqual::operator()(const NameView& name, const Inode* inode) const
{
    return name.folder == inode->parent_->id && name.leaf == inode->leaf_;
}

InodeTable::InodeTable(const rpc::Attr& root, Inode::GiveBack give_back) : give_back_(std::move(give_back))
{
    const auto inode =
        std::make_shared<Inode>(InodeId::root, root, numbers_.show(root.filesystem, root.ino), give_back_);
    inode->node_ = rpc::NodeId::root; // the daemon's own: no reference to give back
    inode->lookups_ = 1;
    state_.with([&](State& state) {
        state.by_key.emplace(inode->key, inode.get());
        state.inodes.emplace(inode->id, inode);
    });
}

InodePtr InodeTable::get(InodeId id) const
{
    return state_.with([&](const State& state) -> InodePtr {
        const auto found = state.inodes.find(id);
        return found == state.inodes.end() ? nullptr : found->second;
    });
}

InodePtr InodeTable::parent_of(const Inode& inode) const
{
    return state_.with([&](const State&) { return inode.parent_; });
}

std::optional<Name> InodeTable::name_of(const Inode& inode) const
{
    return state_.with([&](const State&) -> std::optional<Name> {
        return inode.parent_ ? std::optional(Name{inode.parent_, inode.leaf_}) : std::nullopt;
    });
}

EntryRef InodeTable::intern(const Name& name, const rpc::Attr& attr, rpc::NodeId node)
{
    return state_.with([&](State& state) { return EntryRef(*this, intern_locked(state, name, attr, node)); });
}

InodePtr InodeTable::intern_locked(State& state, const Name& name, const rpc::Attr& attr, rpc::NodeId node)
{
    InodePtr inode;
    const auto found = state.by_key.find(ObjectKey::of(attr));
    if (found != state.by_key.end() && found->second->type == (attr.mode & S_IFMT)) {
        inode = share(state, found->second);
        inode->mode = attr.mode;
    } else {
        inode = std::make_shared<Inode>(InodeId{++state.last_id}, attr, numbers_.show(attr.filesystem, attr.ino),
                                        give_back_);
        state.inodes.emplace(inode->id, inode);
        state.by_key.insert_or_assign(inode->key, inode.get());
    }
    ++inode->lookups_;
    if (node != rpc::NodeId::none) {
        bind_locked(*inode, node);
    }
    if (!inode->parent_ && inode->id != InodeId::root) {
        set_name(state, *inode, name);
    }
    return inode;
}

void InodeTable::forget(InodeId id, std::uint64_t lookups)
{
    InodePtr last; // released after the lock: the destructor calls out
    state_.with([&](State& state) {
        const auto found = state.inodes.find(id);
        if (found == state.inodes.end() || id == InodeId::root) {
            return;
        }
        Inode& inode = *found->second;
        inode.lookups_ -= std::min(lookups, inode.lookups_);
        if (inode.lookups_ == 0) {
            erase_key(state, inode);
            // Operations under way may still use the name, so only the index forgets it.
            if (inode.parent_) {
                const auto [begin, end] = state.by_name.equal_range(&inode);
                const auto entry = std::find(begin, end, &inode);
                if (entry != end) {
                    state.by_name.erase(entry);
                }
            }
            last = std::move(found->second);
            state.inodes.erase(found);
        }
    });
}

void InodeTable::bind(Inode& inode, rpc::NodeId node)
{
    state_.with([&](State&) { bind_locked(inode, node); });
}

void InodeTable::bind_locked(Inode& inode, rpc::NodeId node)
{
    if (inode.node_ == rpc::NodeId::none) {
        inode.node_ = node;
    }
    if (inode.node_ == node && inode.id != InodeId::root) {
        ++inode.node_refs_;
    } else {
        give_back_(node, 1, false);
    }
}

void InodeTable::bind_shared(Inode& inode, rpc::NodeId node, std::shared_ptr<const void> owner)
{
    state_.with([&](State&) {
        if (inode.node_ == rpc::NodeId::none) {
            inode.node_ = node;
            inode.node_owner_ = std::move(owner);
        }
    });
}

rpc::NodeId InodeTable::node_of(const Inode& inode) const
{
    return state_.with([&](const State&) { return inode.node_; });
}

Pin InodeTable::pin(const Inode& inode)
{
    const auto bound = node_of(inode);
    if (bound != rpc::NodeId::none) { // stays, as long as the caller has the inode
        return {{bound, {}}, {}};
    }
    Pin pin{{}, std::shared_lock(stripe_of(inode.id))};
    state_.with([&](const State&) {
        if (inode.node_ != rpc::NodeId::none) {
            pin.target.node = inode.node_;
        } else if (inode.parent_) {
            pin.target = {inode.parent_->node_, inode.leaf_};
        }
    });
    return pin;
}

NameLock InodeTable::lock_names(const Name& first, const Name* second)
{
    while (true) {
        const auto find_stripes = [&] {
            std::array<std::shared_mutex*, 2> stripes{};
            state_.with([&](const State& state) {
                const auto* one = find_name(state, {first.folder->id, first.leaf});
                const auto* two = second == nullptr ? nullptr : find_name(state, {second->folder->id, second->leaf});
                stripes = {one == nullptr ? nullptr : &stripe_of(one->id),
                           two == nullptr ? nullptr : &stripe_of(two->id)};
            });
            if (stripes[0] == stripes[1]) {
                stripes[1] = nullptr;
            }
            std::sort(stripes.begin(), stripes.end()); // addresses in one array: the order in which all lock
            return stripes;
        };
        const auto stripes = find_stripes();
        NameLock held;
        for (std::size_t i = 0; i < stripes.size(); ++i) {
            if (stripes[i] != nullptr) {
                held.locks[i] = std::unique_lock(*stripes[i]);
            }
        }
        if (find_stripes() == stripes) { // else the names changed while we waited
            return held;
        }
    }
}

InodePtr InodeTable::named(const Name& name) const
{
    return state_.with([&](const State& state) {
        return share(state, find_name(state, {name.folder->id, name.leaf}));
    });
}

InodePtr InodeTable::name_removed(const Name& name, rpc::NodeId node, const rpc::Attr& attr)
{
    return state_.with([&](State& state) -> InodePtr {
        Inode* inode = find_object(state, name, attr);
        if (inode == nullptr) {
            if (node != rpc::NodeId::none) {
                give_back_(node, 1, true);
            }
            return nullptr;
        }
        if (node != rpc::NodeId::none) {
            bind_locked(*inode, node); // before the name goes: what is in use is never without both
        }
        if (inode->parent_ && inode->parent_ == name.folder && inode->leaf_ == name.leaf) {
            drop_name(state, *inode);
        }
        if (attr.nlink == 0 || inode->is_folder()) { // a new object with this number is another one
            inode->gone_ = true;
            erase_key(state, *inode);
        }
        return share(state, inode);
    });
}

InodePtr InodeTable::name_moved(const Name& from, const Name& to, rpc::NodeId node, const rpc::Attr& attr)
{
    return state_.with([&](State& state) -> InodePtr {
        Inode* inode = find_object(state, from, attr);
        if (inode != nullptr) {
            set_name(state, *inode, to);
        }
        give_back_(node, 1, false);
        return share(state, inode);
    });
}

std::array<InodePtr, 2> InodeTable::names_exchanged(const Name& first, const Name& second, const Seen& now_second,
                                                    const Seen& now_first)
{
    return state_.with([&](State& state) -> std::array<InodePtr, 2> {
        // Both are found before either gets a name that the other still has.
        Inode* one = find_object(state, first, now_second.attr);
        Inode* two = find_object(state, second, now_first.attr);
        if (one != nullptr) {
            set_name(state, *one, second);
        }
        if (two != nullptr) {
            set_name(state, *two, first);
        }
        give_back_(now_second.node, 1, false);
        give_back_(now_first.node, 1, false);
        return {share(state, one), share(state, two)};
    });
}

std::size_t InodeTable::size() const
{
    return state_.with([](const State& state) { return state.inodes.size(); });
}

Inode* InodeTable::find_name(const State& state, const NameView& name)
{
    const auto found = state.by_name.find(name);
    return found == state.by_name.end() ? nullptr : *found;
}

// By the name when the number is not known: some file systems give an object a new one whenever they read it anew.
Inode* InodeTable::find_object(const State& state, const Name& name, const rpc::Attr& attr)
{
    const auto found = state.by_key.find(ObjectKey::of(attr));
    if (found != state.by_key.end() && found->second->type == (attr.mode & S_IFMT)) {
        return found->second;
    }
    Inode* named = find_name(state, {name.folder->id, name.leaf});
    return named != nullptr && named->type == (attr.mode & S_IFMT) ? named : nullptr;
}

void InodeTable::set_name(State& state, Inode& inode, const Name& name)
{
    drop_name(state, inode);
    inode.parent_ = name.folder;
    inode.leaf_ = name.leaf;
    state.by_name.insert(&inode);
}

void InodeTable::drop_name(State& state, Inode& inode)
{
    if (!inode.parent_) {
        return;
    }
    const auto [begin, end] = state.by_name.equal_range(&inode);
    const auto entry = std::find(begin, end, &inode);
    if (entry != end) {
        state.by_name.erase(entry);
    }
    inode.parent_.reset();
    inode.leaf_.clear();
}

void InodeTable::erase_key(State& state, const Inode& inode)
{
    const auto found = state.by_key.find(inode.key);
    if (found != state.by_key.end() && found->second == &inode) {
        state.by_key.erase(found);
    }
}

InodePtr InodeTable::share(const State& state, const Inode* inode)
{
    return inode == nullptr ? nullptr : state.inodes.at(inode->id);
}

std::shared_mutex& InodeTable::stripe_of(InodeId id)
{
    return stripes_[static_cast<std::uint64_t>(id) % stripes_.size()];
}

} // namespace gm::mount
