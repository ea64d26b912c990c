// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cache/xattr_reader.hpp"

#include <algorithm>

namespace gm::cache {

namespace {

// Complete lists say nothing about these: see rpc::ReadXattrs.
bool is_unlisted(std::string_view name)
{
    return name.starts_with("system.") && name != "system.posix_acl_access" && name != "system.posix_acl_default";
}

} // namespace

Aspects XattrFacts::aspects(const XattrList& list)
{
    // The guest's kernel takes a capability away when the file is written to; no other attribute follows the data.
    const bool capable =
        std::ranges::any_of(list.all, [](const rpc::Xattr& xattr) { return xattr.name == "security.capability"; });
    return capable ? kXattrs | kData : kXattrs;
}

std::size_t XattrFacts::cost(const XattrList& list)
{
    std::size_t cost = sizeof list;
    for (const auto& xattr : list.all) {
        cost += sizeof xattr + xattr.name.size() + xattr.value.size();
    }
    return cost;
}

Result<XattrList> XattrFacts::make(Epoch seen, std::optional<std::vector<rpc::Xattr>> list)
{
    if (!list) {
        return make_error(EIO, "extended attributes cannot be read");
    }
    return XattrList{seen, *std::move(list)};
}

Result<std::shared_ptr<const XattrList>> XattrReader::list(const Object& object)
{
    auto list = lists_.get(object, true);
    if (last_folder_.with([&](Key& last) { return std::exchange(last, object.folder) != object.folder; })) {
        for (const Key& folder : walk_.upcoming(kFoldersAhead)) {
            lists_.fetch_ahead(folder);
        }
    }
    return list;
}

Result<std::string> XattrReader::get(const Object& object, const std::string& name)
{
    if (is_unlisted(name)) {
        auto reply = GM_TRY(link_.call<rpc::GetXattr>({object.target, name}));
        return std::move(reply.value);
    }
    const auto list = GM_TRY(this->list(object));
    const auto found = std::ranges::find(list->all, name, &rpc::Xattr::name);
    if (found == list->all.end()) {
        return make_error(ENODATA, "no such extended attribute");
    }
    return found->value;
}

} // namespace gm::cache
