// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/handle_table.hpp"

namespace gm::daemon {

Result<HandleRef> HandleTable::find(rpc::HandleId id) const
{
    HandleRef found = table_.with([&](const Table& table) {
        const auto entry = table.by_id.find(static_cast<std::uint64_t>(id));
        return entry != table.by_id.end() ? entry->second : nullptr;
    });
    if (!found) {
        return make_error(EBADF, "no handle has the number {}", static_cast<std::uint64_t>(id));
    }
    return found;
}

rpc::HandleId HandleTable::add(Handle handle)
{
    auto shared = std::make_shared<const Handle>(std::move(handle));
    return table_.with([&](Table& table) {
        const std::uint64_t id = table.next_id++;
        table.by_id.emplace(id, std::move(shared));
        return rpc::HandleId{id};
    });
}

void HandleTable::release(rpc::HandleId id)
{
    HandleRef last; // close(2) outside the lock
    table_.with([&](Table& table) {
        const auto entry = table.by_id.find(static_cast<std::uint64_t>(id));
        if (entry != table.by_id.end()) {
            last = std::move(entry->second);
            table.by_id.erase(entry);
        }
    });
}

void HandleTable::clear()
{
    std::unordered_map<std::uint64_t, HandleRef> gone;
    table_.with([&](Table& table) { gone.swap(table.by_id); });
}

} // namespace gm::daemon
