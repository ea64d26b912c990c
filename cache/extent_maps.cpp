// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cache/extent_maps.hpp"

namespace gm::cache {

std::size_t ExtentFacts::cost(const ExtentMap& map)
{
    return sizeof map + (map.extents ? map.extents->extents.size() * sizeof(rpc::Extent) : 0);
}

bool ExtentMaps::usable(const Key& key, const ExtentMap& map) const
{
    return map.extents && !changes_.unsynced(key);
}

ExtentMapPtr ExtentMaps::get(const Object& file, bool neighbours)
{
    if (drives_ == nullptr || changes_.unsynced(file.key)) {
        return nullptr;
    }
    auto map = maps_.get(file, neighbours);
    // A failure to map is no failure to read.
    return map.ok() && usable(file.key, **map) ? map.take_value() : nullptr;
}

ExtentMaps::Cached ExtentMaps::cached(const Key& key)
{
    if (drives_ == nullptr || changes_.unsynced(key)) {
        return {Known::through_guest, nullptr};
    }
    auto map = maps_.cached(key);
    if (map == nullptr) {
        return {maps_.on_its_way(key) ? Known::soon : Known::no, nullptr};
    }
    return usable(key, *map) ? Cached{Known::by_extents, std::move(map)} : Cached{Known::through_guest, nullptr};
}

} // namespace gm::cache
