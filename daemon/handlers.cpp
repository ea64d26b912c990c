// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/handlers.hpp"

#include "core/base/syscall.hpp"
#include "daemon/proc_path.hpp"

#include <fcntl.h>
#include <sys/resource.h>

namespace gm::daemon {
namespace {

// Each node is a descriptor, and the host may want hundreds of thousands of them.
void raise_descriptor_limit()
{
    constexpr rlim_t kWanted = 1 << 20;
    rlimit limit{.rlim_cur = kWanted, .rlim_max = kWanted};
    if (::setrlimit(RLIMIT_NOFILE, &limit) == -1 && ::getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        ::setrlimit(RLIMIT_NOFILE, &limit);
    }
}

} // namespace

Handlers::Handlers(HandlersOptions options)
    : options_(std::move(options)), devices_(options_.drives), volumes_(devices_, options_.appliance),
      mounts_(options_.root, devices_)
{
}

Result<std::unique_ptr<Handlers>> Handlers::open(HandlersOptions options)
{
    raise_descriptor_limit();
    std::unique_ptr<Handlers> handlers{new Handlers(std::move(options))};
    GM_TRY(handlers->reopen_root());
    return handlers;
}

Result<void> Handlers::reopen_root()
{
    UniqueFd fd = GM_TRY(open_file(options_.root, O_PATH | O_DIRECTORY));
    const struct statx status = GM_TRY(status_of(fd.get()));
    filesystems_.start_with(device_of(status));
    nodes_.set_root(std::make_shared<const Node>(std::move(fd), identity_of(status), false));
    return {};
}

Result<Handlers::Place> Handlers::place(rpc::NodeId node, const std::string& leaf) const
{
    if (leaf == "." || leaf == "..") {
        return make_error(EINVAL, "'{}' names no entry", leaf);
    }
    NodeRef found = GM_TRY(nodes_.find(node));
    return Place{.node = std::move(found), .leaf = leaf.c_str()};
}

Result<Handlers::Place> Handlers::name_in(rpc::NodeId parent, const std::string& leaf) const
{
    if (leaf.empty() || leaf.find_first_of(std::string_view{"/\0", 2}) != std::string::npos) {
        return make_error(EINVAL, "not the name of an entry");
    }
    return place(parent, leaf);
}

Result<Handlers::Pinned> Handlers::pin(const Place& place) const
{
    if (place.is_node()) {
        return Pinned{.node = place.node, .own = {}};
    }
    const int fd = GM_TRY(
        sys([&] { return ::openat(place.fd(), place.leaf, O_PATH | O_NOFOLLOW | O_CLOEXEC); }, "open the entry"));
    return Pinned{.node = nullptr, .own = UniqueFd{fd}};
}

Result<UniqueFd> Handlers::open_object(const Place& place, int flags) const
{
    const int all = flags | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
    const int fd = GM_TRY(sys(
        [&] {
            // A folder opens itself as "."; anything else that is a node has only its path in /proc. That is a link
            // which has to be followed once, and an O_PATH descriptor of a symbolic link then answers ELOOP itself.
            return !place.is_node()             ? ::openat(place.fd(), place.leaf, all | O_NOFOLLOW)
                   : (flags & O_DIRECTORY) != 0 ? ::openat(place.fd(), ".", all | O_NOFOLLOW)
                                                : ::open(ProcPath{place.fd()}.c_str(), all);
        },
        "open"));
    return UniqueFd{fd};
}

Result<UniqueFd> Handlers::open_plain(const Place& place, int flags) const
{
    UniqueFd fd = GM_TRY(open_object(place, flags));
    struct stat status;
    GM_TRY(sys([&] { return ::fstat(fd.get(), &status); }, "open"));
    if (!S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode)) {
        return make_error(EOPNOTSUPP, "open: neither a regular file nor a folder");
    }
    return fd;
}

rpc::Attr Handlers::attr_of(const struct statx& status)
{
    return to_attr(status, filesystems_.number_of(device_of(status)));
}

Result<rpc::Attr> Handlers::attr_at(int fd, const char* leaf)
{
    const struct statx status = GM_TRY(status_of(fd, leaf));
    return attr_of(status);
}

rpc::NodeId Handlers::bind(UniqueFd fd, const struct statx& status)
{
    return nodes_.bind(std::make_shared<const Node>(std::move(fd), identity_of(status), false));
}

} // namespace gm::daemon
