// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Where the data of files lies on the drives, as the daemon tells; BlockSource checks
// every offset against the drive's size. A file with data that may not be on its drive yet is never asked for. Owned by
// FileReader. Any number of threads.
#pragma once

#include "cache/bulk_lookup.hpp"
#include "core/image/block_source.hpp"

#include <sys/stat.h>

namespace gm::cache {

struct ExtentMap {
    Epoch seen{};
    std::optional<rpc::FileExtents> extents; // none: the file must be read through the guest
};

struct ExtentFacts {
    using Call = rpc::MapExtents;
    using Value = ExtentMap;

    static auto& targets(Call::Args& args) { return args.files; }
    static auto& replies(Call::Reply& reply) { return reply.files; }
    static bool wants(const rpc::Attr& attr) { return (attr.mode & S_IFMT) == S_IFREG && attr.size != 0; }
    static Aspects aspects(const ExtentMap&) { return kData; }
    static std::size_t cost(const ExtentMap& map);
    static Result<ExtentMap> make(Epoch seen, std::optional<rpc::FileExtents> extents)
    {
        return ExtentMap{seen, std::move(extents)};
    }
};

using ExtentMapPtr = std::shared_ptr<const ExtentMap>;

class ExtentMaps {
public:
    // Without drives no file has a map.
    ExtentMaps(rpc::Link& link, Budget& budget, FolderCache& folders, const Changes& changes, Counters& counters,
               const image::BlockSource* drives)
        : changes_(changes), drives_(drives), maps_(link, budget, folders, changes, counters.extents)
    {
    }

    // The map to read a file by; null when it must be read through the guest. Blocks when it is not cached.
    ExtentMapPtr get(const Object& file, bool neighbours);

    enum class Known { no, soon, by_extents, through_guest };
    struct Cached {
        Known known = Known::no;
        ExtentMapPtr map; // with by_extents
    };
    // What is known without a call.
    Cached cached(const Key& key);
    void fetch_ahead(std::shared_ptr<const FolderPage> page, std::size_t first)
    {
        if (drives_ != nullptr) {
            maps_.fetch_ahead(std::move(page), first);
        }
    }

private:
    [[nodiscard]] bool usable(const Key& key, const ExtentMap& map) const;

    const Changes& changes_;
    const image::BlockSource* drives_;
    BulkLookup<ExtentFacts> maps_;
};

} // namespace gm::cache
