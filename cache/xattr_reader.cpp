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
    // The guest's kernel takes a capability away when the file is written to or changes its owner, and changes an ACL
    // with the mode. Where there is nothing, only setxattr(2) makes something.
    return list.all.empty() ? kXattrs : kXattrs | kData | kAttrs;
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

void XattrReader::has_none(const Key& key, Epoch seen)
{
    lists_.put(key, std::make_shared<const XattrList>(XattrList{seen, {}}));
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
