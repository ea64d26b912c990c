// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Finding, making, moving and removing names.
#include "core/base/syscall.hpp"
#include "daemon/caller_identity.hpp"
#include "daemon/handlers.hpp"
#include "daemon/link_target.hpp"
#include "daemon/proc_path.hpp"

#include <cstdio>
#include <fcntl.h>
#include <sys/sysmacros.h>

namespace gm::daemon {
namespace {

// Of an object that has just lost a name. A file system that is served by a program (FUSE) knows it by that name only.
Result<struct statx> status_without_name(int fd, const struct statx& before)
{
    auto status = status_of(fd);
    if (status.ok() || (status.error().errno_value != ENOENT && status.error().errno_value != ESTALE)) {
        return status;
    }
    struct statx after = before;
    after.stx_nlink = S_ISDIR(before.stx_mode) || before.stx_nlink == 0 ? 0 : before.stx_nlink - 1;
    return after;
}

// Whether names in the folder that lies below `parent` as `leaf` are what they are, byte for byte: asked by looking for
// the folder itself with the case of its letters exchanged. What it cannot tell counts as no.
bool has_exact_names(int parent, const std::string& leaf, const struct statx& folder)
{
    std::string other = leaf;
    for (char& c : other) {
        c = c >= 'a' && c <= 'z'   ? static_cast<char>(c - 'a' + 'A')
            : c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a')
                                   : c;
    }
    if (other == leaf || !tells_fixed(folder)) { // the kinds that do not tell include those with rules of their own
        return false;
    }
    const auto found = status_of(parent, other.c_str());
    return found.ok() ? identity_of(*found) != identity_of(folder) : found.error().errno_value == ENOENT;
}

} // namespace

Handlers::Answer<rpc::Lookup> Handlers::on(rpc::Lookup, const rpc::Lookup::Args& args, rpc::CallContext&)
{
    const Place at = GM_TRY(place(args.parent, args.leaf));
    Pinned object = GM_TRY(pin(at));
    const struct statx status = GM_TRY(status_of(object.fd()));
    rpc::Lookup::Reply reply{.attr = attr_of(status)};
    if (S_ISLNK(status.stx_mode)) {
        const std::string target = GM_TRY(read_link_target(object.fd(), "", status.stx_size));
        reply.link_target = mounts_.link_in_guest(target, device_of(status), object.fd(), "");
        if (*reply.link_target != target) {
            reply.attr.size = reply.link_target->size();
        }
    }
    if (args.bind || S_ISDIR(status.stx_mode)) {
        reply.node = object.own.valid() ? bind(std::move(object.own), status) : nodes_.bind(object.node);
    }
    return reply;
}

Handlers::Answer<rpc::Forget> Handlers::on(rpc::Forget, const rpc::Forget::Args& args, rpc::CallContext&)
{
    for (const auto& item : args.nodes) {
        nodes_.forget(item.node, item.count);
    }
    return rpc::Forget::Reply{};
}

Handlers::Answer<rpc::ReadLink> Handlers::on(rpc::ReadLink, const rpc::ReadLink::Args& args, rpc::CallContext&)
{
    const Place at = GM_TRY(place(args.target));
    std::string target = GM_TRY(read_link_target(at.fd(), at.leaf));
    if (target.starts_with('/')) {
        const struct statx status = GM_TRY(status_of(at.fd(), at.leaf));
        target = mounts_.link_in_guest(std::move(target), device_of(status), at.fd(), at.leaf);
    }
    return rpc::ReadLink::Reply{std::move(target)};
}

Handlers::Answer<rpc::MakeDir> Handlers::on(rpc::MakeDir, const rpc::MakeDir::Args& args, rpc::CallContext&)
{
    const Place at = GM_TRY(name_in(args.parent, args.leaf));
    {
        const ActAs caller{args.caller};
        GM_TRY(sys([&] { return ::mkdirat(at.fd(), at.leaf, args.mode & 07777U); }, "mkdir"));
    }
    Pinned made = GM_TRY(pin(at));
    const struct statx status = GM_TRY(status_of(made.fd()));
    return rpc::MakeDir::Reply{.node = bind(std::move(made.own), status),
                               .attr = attr_of(status),
                               .exact_names = has_exact_names(at.fd(), args.leaf, status)};
}

Handlers::Answer<rpc::MakeNode> Handlers::on(rpc::MakeNode, const rpc::MakeNode::Args& args, rpc::CallContext&)
{
    const Place at = GM_TRY(name_in(args.parent, args.leaf));
    {
        const ActAs caller{args.caller};
        GM_TRY(sys([&] { return ::mknodat(at.fd(), at.leaf, args.mode, makedev(args.rdev_major, args.rdev_minor)); },
                   "mknod"));
    }
    const rpc::Attr attr = GM_TRY(attr_at(at.fd(), at.leaf));
    return rpc::MakeNode::Reply{attr};
}

Handlers::Answer<rpc::MakeSymlink> Handlers::on(rpc::MakeSymlink, const rpc::MakeSymlink::Args& args, rpc::CallContext&)
{
    const Place at = GM_TRY(name_in(args.parent, args.leaf));
    if (args.link_target.find('\0') != std::string::npos) {
        return make_error(EINVAL, "symlink: a target cannot hold a zero byte");
    }
    {
        const ActAs caller{args.caller};
        GM_TRY(sys([&] { return ::symlinkat(args.link_target.c_str(), at.fd(), at.leaf); }, "symlink"));
    }
    const rpc::Attr attr = GM_TRY(attr_at(at.fd(), at.leaf));
    return rpc::MakeSymlink::Reply{attr};
}

Handlers::Answer<rpc::MakeLink> Handlers::on(rpc::MakeLink, const rpc::MakeLink::Args& args, rpc::CallContext&)
{
    const Place object = GM_TRY(place(args.target));
    const Place at = GM_TRY(name_in(args.parent, args.leaf));
    GM_TRY(sys(
        [&] {
            return object.is_node()
                       ? ::linkat(AT_FDCWD, ProcPath{object.fd()}.c_str(), at.fd(), at.leaf, AT_SYMLINK_FOLLOW)
                       : ::linkat(object.fd(), object.leaf, at.fd(), at.leaf, 0);
        },
        "link"));
    const rpc::Attr attr = GM_TRY(attr_at(at.fd(), at.leaf));
    return rpc::MakeLink::Reply{attr};
}

Handlers::Answer<rpc::RemoveName> Handlers::on(rpc::RemoveName, const rpc::RemoveName::Args& args, rpc::CallContext&)
{
    const Place at = GM_TRY(name_in(args.parent, args.leaf));
    Pinned object = GM_TRY(pin(at));
    const struct statx before = GM_TRY(status_of(object.fd()));
    GM_TRY(sys([&] { return ::unlinkat(at.fd(), at.leaf, args.folder ? AT_REMOVEDIR : 0); }, "remove"));
    const struct statx status = GM_TRY(status_without_name(object.fd(), before));
    const bool keep = args.keep || args.folder || status.stx_nlink != 0;
    return rpc::RemoveName::Reply{.node = keep ? bind(std::move(object.own), status) : rpc::NodeId::none,
                                  .attr = attr_of(status)};
}

Handlers::Answer<rpc::Rename> Handlers::on(rpc::Rename, const rpc::Rename::Args& args, rpc::CallContext&)
{
    const Place from = GM_TRY(name_in(args.parent, args.leaf));
    const Place to = GM_TRY(name_in(args.new_parent, args.new_leaf));
    Pinned moved = GM_TRY(pin(from));
    auto replaced = pin(to);
    if (!replaced.ok() && replaced.error().errno_value != ENOENT) {
        return replaced.take_error();
    }
    std::optional<struct statx> replaced_status;
    if (replaced.ok()) {
        replaced_status = GM_TRY(status_of(replaced->fd()));
    }
    GM_TRY(sys([&] { return ::renameat2(from.fd(), from.leaf, to.fd(), to.leaf, args.flags); }, "rename"));
    const struct statx status = GM_TRY(status_of(moved.fd()));
    rpc::Rename::Reply reply{.attr = attr_of(status)};
    if (replaced_status) {
        const bool exchanged = (args.flags & RENAME_EXCHANGE) != 0;
        replaced_status =
            GM_TRY(exchanged ? status_of(replaced->fd()) : status_without_name(replaced->fd(), *replaced_status));
        reply.replaced_attr = attr_of(*replaced_status);
        reply.replaced = bind(std::move(replaced->own), *replaced_status);
    }
    reply.node = bind(std::move(moved.own), status);
    return reply;
}

} // namespace gm::daemon
