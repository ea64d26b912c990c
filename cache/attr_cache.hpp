// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Attributes of single objects, as replies to changes told them: so that the question that follows a change costs no
// call. Any thread.
#pragma once

#include "cache/changes.hpp"
#include "cache/lru.hpp"

namespace gm::cache {

class AttrCache {
public:
    AttrCache(Budget& budget, const Changes& changes) : changes_(changes), map_(budget) {}

    // Nothing when they are not here or no longer true.
    [[nodiscard]] std::optional<rpc::Attr> get(const Key& key)
    {
        const auto known = map_.get(key);
        return known != nullptr && changes_.unchanged(key, kAttrs, known->seen) ? std::optional{known->attr}
                                                                                : std::nullopt;
    }
    // As they were last seen here, which may have changed since.
    [[nodiscard]] std::optional<rpc::Attr> last_seen(const Key& key)
    {
        const auto known = map_.get(key);
        return known != nullptr ? std::optional{known->attr} : std::nullopt;
    }
    void erase(const Key& key) { map_.erase(key); }
    // True since `seen`.
    void put(const Key& key, const rpc::Attr& attr, Epoch seen)
    {
        map_.put(key, std::make_shared<const Known>(Known{seen, attr}), sizeof(Known));
    }

private:
    struct Known {
        Epoch seen{};
        rpc::Attr attr;
    };

    const Changes& changes_;
    LruMap<Key, Known, KeyHash> map_;
};

} // namespace gm::cache
