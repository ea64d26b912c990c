// SPDX-License-Identifier: GPL-2.0-or-later
//
// Operations on extended attributes.
#include "mount/filesystem.hpp"

namespace gm::mount {
namespace {

constexpr std::size_t kMaxXattrSize = 65536; // XATTR_SIZE_MAX, XATTR_LIST_MAX

// How getxattr(2) and listxattr(2) answer for a buffer of `size` bytes.
Result<XattrReply> fit(std::string bytes, std::size_t size)
{
    if (size == 0) {
        return XattrReply{std::move(bytes), true};
    }
    if (bytes.size() > size) {
        return make_error(size < kMaxXattrSize ? ERANGE : E2BIG, "{} bytes of extended attributes", bytes.size());
    }
    return XattrReply{std::move(bytes), false};
}

// What listxattr(2) tells is all there is of these kinds; others have names that are never listed.
bool is_always_listed(std::string_view name)
{
    return name.starts_with("user.") || name.starts_with("trusted.") || name.starts_with("security.") ||
           name.starts_with("system.posix_acl_");
}

std::string names_of(const std::vector<rpc::Xattr>& attributes)
{
    std::string names;
    for (const auto& attribute : attributes) {
        names += attribute.name;
        names += '\0';
    }
    return names;
}

} // namespace

Result<void> Filesystem::setxattr(InodeId inode, std::string_view name, const char* value, std::size_t size, int flags)
{
    const auto object = GM_TRY(known(inode));
    const auto change = changing({{*object, cache::kXattrs | cache::kAttrs}});
    const auto reply = [&] {
        const Pin pin = inodes_.pin(*object);
        return call<rpc::SetXattr>({.target = pin.target,
                                    .attribute = std::string(name),
                                    .value = std::string(value, size),
                                    .flags = static_cast<std::uint32_t>(flags)});
    }();
    GM_TRY(reply);
    notices_.attributes_changed(inode); // its ctime; an ACL changes the mode as well
    return {};
}

Result<XattrReply> Filesystem::getxattr(InodeId inode, std::string_view name, std::size_t size)
{
    const auto object = GM_TRY(known(inode));
    settle_xattrs(*object);
    const Pin pin = inodes_.pin(*object);
    if (is_always_listed(name)) {
        return fit(GM_TRY(caches_.xattrs.get(object_of(*object, pin.target), std::string(name))), size);
    }
    auto reply = GM_TRY(call<rpc::GetXattr>({.target = pin.target, .attribute = std::string(name)}));
    return fit(std::move(reply.value), size);
}

Result<XattrReply> Filesystem::listxattr(InodeId inode, std::size_t size)
{
    const auto object = GM_TRY(known(inode));
    settle_xattrs(*object);
    const Pin pin = inodes_.pin(*object);
    return fit(names_of(GM_TRY(caches_.xattrs.list(object_of(*object, pin.target)))->all), size);
}

Result<void> Filesystem::removexattr(InodeId inode, std::string_view name)
{
    const auto object = GM_TRY(known(inode));
    const auto change = changing({{*object, cache::kXattrs | cache::kAttrs}});
    const auto reply = [&] {
        const Pin pin = inodes_.pin(*object);
        return call<rpc::RemoveXattr>({.target = pin.target, .attribute = std::string(name)});
    }();
    GM_TRY(reply);
    notices_.attributes_changed(inode);
    return {};
}

} // namespace gm::mount
