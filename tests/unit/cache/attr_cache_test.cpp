// SPDX-License-Identifier: GPL-2.0-or-later
#include "cache/attr_cache.hpp"

#include <doctest/doctest.h>

using namespace gm::cache;
using namespace gm;

TEST_CASE("attributes are kept until they change")
{
    Budget budget{64 << 10};
    Changes changes;
    AttrCache cache{budget, changes};
    const Key key{.ino = 7};
    CHECK_FALSE(cache.get(key));
    cache.put(key, rpc::Attr{.ino = 7, .size = 3}, changes.now());
    REQUIRE(cache.get(key));
    CHECK(cache.get(key)->size == 3);
    changes.note(key, kData);
    CHECK(cache.get(key));
    changes.note(key, kAttrs);
    CHECK_FALSE(cache.get(key));
}
