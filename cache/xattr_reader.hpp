// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Extended attributes of objects: the first question about something in a folder fetches the complete lists of its
// neighbours as well, and of the folders that a walk reaches next, so that later answers, "there is none" included,
// cost no call. Owned by the mount; must go before the link. Any number of threads; list() and get() block.
#pragma once

#include "cache/bulk_lookup.hpp"
#include "cache/folder_reader.hpp"

namespace gm::cache {

struct XattrList {
    Epoch seen{};
    std::vector<rpc::Xattr> all;
};

struct XattrFacts {
    using Call = rpc::ReadXattrs;
    using Value = XattrList;

    static auto& targets(Call::Args& args) { return args.targets; }
    static auto& replies(Call::Reply& reply) { return reply.objects; }
    static bool wants(const rpc::Attr&) { return true; }
    static Aspects aspects(const XattrList& list);
    static std::size_t cost(const XattrList& list);
    static Result<XattrList> make(Epoch seen, std::optional<std::vector<rpc::Xattr>> list);
};

class XattrReader {
public:
    static constexpr std::size_t kFoldersAhead = 8; // of a walk

    XattrReader(rpc::Link& link, Budget& budget, FolderCache& folders, FolderReader& walk, const Changes& changes,
                Counters& counters)
        : link_(link), walk_(walk), lists_(link, budget, folders, changes, counters.xattrs)
    {
    }

    Result<std::shared_ptr<const XattrList>> list(const Object& object);
    // Somebody knows it already: a new object.
    void has_none(const Key& key, Epoch seen);
    // ENODATA: there is none of that name.
    Result<std::string> get(const Object& object, const std::string& name);

private:
    rpc::Link& link_;
    FolderReader& walk_;
    BulkLookup<XattrFacts> lists_;
    Guarded<Key> last_folder_; // level: leaf
};

} // namespace gm::cache
