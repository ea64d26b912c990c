// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Extended attributes, by path: so nothing has to be opened for them, and links have them too. One object is reached
// through /proc/self/fd; the entries of a folder by their names from inside it, since the long path costs more than the
// attributes.
#include "core/base/syscall.hpp"
#include "core/rpc/frame.hpp"
#include "daemon/handlers.hpp"
#include "daemon/proc_path.hpp"
#include "daemon/working_folder.hpp"

#include <algorithm>
#include <string_view>
#include <sys/xattr.h>

namespace gm::daemon {
namespace {

constexpr std::size_t kMaxList = 65536;  // XATTR_LIST_MAX
constexpr std::size_t kMaxValue = 65536; // XATTR_SIZE_MAX
constexpr std::size_t kMaxReply = rpc::kMaxBulk;

// The path of an object for the x and lx families: a node's own path is a link that must be followed, a name is not.
class XattrPath {
public:
    XattrPath(int fd, const char* leaf) : path_(fd, leaf), follow_(*leaf == '\0') {}
    // An entry of the thread's working folder.
    explicit XattrPath(const char* leaf) : path_(leaf) {}

    ssize_t list(char* into, std::size_t size) const
    {
        return follow_ ? ::listxattr(path_.c_str(), into, size) : ::llistxattr(path_.c_str(), into, size);
    }
    ssize_t get(const char* name, void* into, std::size_t size) const
    {
        return follow_ ? ::getxattr(path_.c_str(), name, into, size) : ::lgetxattr(path_.c_str(), name, into, size);
    }
    int set(const char* name, const void* value, std::size_t size, int flags) const
    {
        return follow_ ? ::setxattr(path_.c_str(), name, value, size, flags)
                       : ::lsetxattr(path_.c_str(), name, value, size, flags);
    }
    int remove(const char* name) const
    {
        return follow_ ? ::removexattr(path_.c_str(), name) : ::lremovexattr(path_.c_str(), name);
    }

private:
    ProcPath path_;
    bool follow_ = false;
};

// The first call guesses; only a value that does not fit is asked for its size.
Result<std::string> value_of(const XattrPath& path, const char* name)
{
    std::string value(512, '\0');
    auto got = retry([&] { return path.get(name, value.data(), value.size()); });
    if (got == -1 && errno == ERANGE) {
        value.resize(kMaxValue);
        got = retry([&] { return path.get(name, value.data(), value.size()); });
    }
    if (got == -1) {
        return system_error(errno, "getxattr");
    }
    value.resize(static_cast<std::size_t>(got));
    return value;
}

std::optional<std::vector<rpc::Xattr>> all_of(const XattrPath& path, std::size_t& budget)
{
    std::vector<rpc::Xattr> all;
    char few[1024];
    std::string many;
    std::string_view names;
    auto got = retry([&] { return path.list(few, sizeof few); });
    if (got != -1) {
        names = {few, static_cast<std::size_t>(got)};
    } else if (errno == ERANGE) {
        many.resize(kMaxList);
        got = retry([&] { return path.list(many.data(), many.size()); });
        if (got == -1) {
            return std::nullopt;
        }
        names = {many.data(), static_cast<std::size_t>(got)};
    } else if (errno == EOPNOTSUPP) {
        return all; // this file system has none
    } else {
        return std::nullopt;
    }
    while (!names.empty()) {
        std::string name{names.substr(0, names.find('\0'))};
        names.remove_prefix(std::min(names.size(), name.size() + 1));
        auto value = value_of(path, name.c_str());
        if (!value.ok() && value.error().errno_value == ENODATA) {
            continue; // removed since it was listed
        }
        const std::size_t size = name.size() + (value.ok() ? value->size() : 0) + rpc::min_wire_size<rpc::Xattr>();
        if (!value.ok() || size > budget) {
            return std::nullopt;
        }
        budget -= size;
        all.push_back({.name = std::move(name), .value = value.take_value()});
    }
    return all;
}

Result<void> check_name(const std::string& name)
{
    if (name.empty() || name.find('\0') != std::string::npos) {
        return make_error(EINVAL, "not the name of an extended attribute");
    }
    return {};
}

} // namespace

Handlers::Answer<rpc::ReadXattrs> Handlers::on(rpc::ReadXattrs, const rpc::ReadXattrs::Args& args, rpc::CallContext&)
{
    rpc::ReadXattrs::Reply reply;
    reply.objects.reserve(args.targets.size());
    std::size_t budget = kMaxReply - args.targets.size() * 8;
    std::optional<WorkingFolder> inside;
    rpc::NodeId inside_of = rpc::NodeId::none;
    for (const auto& target : args.targets) {
        auto at = place(target);
        if (!at.ok()) {
            reply.objects.emplace_back();
            continue;
        }
        if (!at->is_node() && target.node != inside_of) {
            inside.reset();
            inside.emplace(at->fd());
            inside_of = target.node;
        }
        const bool by_name = !at->is_node() && inside->entered();
        reply.objects.push_back(all_of(by_name ? XattrPath{at->leaf} : XattrPath{at->fd(), at->leaf}, budget));
    }
    return reply;
}

Handlers::Answer<rpc::GetXattr> Handlers::on(rpc::GetXattr, const rpc::GetXattr::Args& args, rpc::CallContext&)
{
    const Place at = GM_TRY(place(args.target));
    GM_TRY(check_name(args.attribute));
    std::string value = GM_TRY(value_of(XattrPath{at.fd(), at.leaf}, args.attribute.c_str()));
    return rpc::GetXattr::Reply{std::move(value)};
}

Handlers::Answer<rpc::SetXattr> Handlers::on(rpc::SetXattr, const rpc::SetXattr::Args& args, rpc::CallContext&)
{
    const Place at = GM_TRY(place(args.target));
    GM_TRY(check_name(args.attribute));
    const XattrPath path{at.fd(), at.leaf};
    GM_TRY(sys(
        [&] {
            return path.set(args.attribute.c_str(), args.value.data(), args.value.size(), static_cast<int>(args.flags));
        },
        "setxattr"));
    return rpc::SetXattr::Reply{};
}

Handlers::Answer<rpc::RemoveXattr> Handlers::on(rpc::RemoveXattr, const rpc::RemoveXattr::Args& args, rpc::CallContext&)
{
    const Place at = GM_TRY(place(args.target));
    GM_TRY(check_name(args.attribute));
    const XattrPath path{at.fd(), at.leaf};
    GM_TRY(sys([&] { return path.remove(args.attribute.c_str()); }, "removexattr"));
    return rpc::RemoveXattr::Reply{};
}

} // namespace gm::daemon
