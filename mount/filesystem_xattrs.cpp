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

} // namespace

Result<void> Filesystem::setxattr(InodeId inode, std::string_view name, const char* value, std::size_t size, int flags)
{
    const auto object = GM_TRY(known(inode));
    const auto reply = [&] {
        const Pin pin = inodes_.pin(*object);
        return call<rpc::SetXattr>({.target = pin.target,
                                    .attribute = std::string(name),
                                    .value = std::string(value, size),
                                    .flags = static_cast<std::uint32_t>(flags)});
    }();
    changed(object);
    GM_TRY(reply);
    notices_.attributes_changed(inode); // its ctime; an ACL changes the mode as well
    return {};
}

Result<XattrReply> Filesystem::getxattr(InodeId inode, std::string_view name, std::size_t size)
{
    const auto object = GM_TRY(known(inode));
    const Pin pin = inodes_.pin(*object);
    auto reply = GM_TRY(call<rpc::GetXattr>({.target = pin.target, .attribute = std::string(name)}));
    return fit(std::move(reply.value), size);
}

Result<XattrReply> Filesystem::listxattr(InodeId inode, std::size_t size)
{
    const auto object = GM_TRY(known(inode));
    const Pin pin = inodes_.pin(*object);
    const auto reply = GM_TRY(call<rpc::ReadXattrs>({.targets = {pin.target}}));
    if (reply.objects.size() != 1) {
        return make_error(EPROTO, "the appliance answered for {} objects instead of one", reply.objects.size());
    }
    std::string names;
    if (reply.objects[0]) {
        for (const auto& attribute : *reply.objects[0]) {
            names += attribute.name;
            names += '\0';
        }
    }
    return fit(std::move(names), size);
}

Result<void> Filesystem::removexattr(InodeId inode, std::string_view name)
{
    const auto object = GM_TRY(known(inode));
    const auto reply = [&] {
        const Pin pin = inodes_.pin(*object);
        return call<rpc::RemoveXattr>({.target = pin.target, .attribute = std::string(name)});
    }();
    changed(object);
    GM_TRY(reply);
    notices_.attributes_changed(inode);
    return {};
}

} // namespace gm::mount
