// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/node_table.hpp"

namespace gm::daemon {
namespace {

constexpr std::uint64_t kRoot = static_cast<std::uint64_t>(rpc::NodeId::root);

} // namespace

Result<NodeRef> NodeTable::find(rpc::NodeId id) const
{
    NodeRef found = tables_.with([&](const Tables& tables) {
        const auto entry = tables.by_id.find(static_cast<std::uint64_t>(id));
        return entry != tables.by_id.end() ? entry->second.node : nullptr;
    });
    if (!found) {
        return make_error(ESTALE, "no node has the number {}", static_cast<std::uint64_t>(id));
    }
    return found;
}

rpc::NodeId NodeTable::bind(NodeRef node)
{
    // A node that loses against an existing one is released by the caller's frame: close(2) outside the lock.
    return tables_.with([&](Tables& tables) {
        const auto [known, added] = tables.by_identity.try_emplace(node->identity, tables.next_id);
        if (added) {
            ++tables.next_id;
            tables.by_id.emplace(known->second, Entry{node, 1});
        } else {
            ++tables.by_id.at(known->second).references;
        }
        return rpc::NodeId{known->second};
    });
}

void NodeTable::forget(rpc::NodeId id, std::uint64_t count)
{
    NodeRef last; // outlives the lock
    tables_.with([&](Tables& tables) {
        const auto entry = tables.by_id.find(static_cast<std::uint64_t>(id));
        if (entry == tables.by_id.end() || id == rpc::NodeId::root) {
            return;
        }
        if (entry->second.references > count) {
            entry->second.references -= count;
            return;
        }
        last = std::move(entry->second.node);
        tables.by_identity.erase(last->identity);
        tables.by_id.erase(entry);
    });
}

void NodeTable::set_root(NodeRef node)
{
    NodeRef last;
    tables_.with([&](Tables& tables) {
        auto& root = tables.by_id[kRoot];
        last = std::move(root.node);
        if (last) {
            tables.by_identity.erase(last->identity);
        }
        tables.by_identity[node->identity] = kRoot;
        root = Entry{std::move(node), 1};
    });
}

void NodeTable::clear()
{
    std::unordered_map<std::uint64_t, Entry> gone;
    tables_.with([&](Tables& tables) {
        gone.swap(tables.by_id);
        tables.by_identity.clear(); // next_id goes on: a number is never given twice
    });
}

std::size_t NodeTable::size() const
{
    return tables_.with([](const Tables& tables) { return tables.by_id.size(); });
}

} // namespace gm::daemon
