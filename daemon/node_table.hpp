// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The objects of the guest that the host holds by number. A node is a descriptor (O_PATH, or an open folder) plus the
// identity of what it refers to, counted by the replies that carried it. While the descriptor is open the kernel keeps
// the inode, so its number cannot be reused under a node. Any thread; a NodeRef keeps a node usable after it was
// forgotten.
#pragma once

#include "core/base/error.hpp"
#include "core/base/guarded.hpp"
#include "core/base/unique_fd.hpp"
#include "core/rpc/types.hpp"

#include <cstdint>
#include <memory>
#include <mutex>
#include <unordered_map>

namespace gm::daemon {

// What tells two objects apart: the same file system mounted twice is two different trees.
struct ObjectIdentity {
    std::uint64_t device = 0;
    std::uint64_t ino = 0;
    std::uint64_t mount = 0;

    bool operator==(const ObjectIdentity&) const = default;
};

struct Node {
    Node(UniqueFd descriptor, const ObjectIdentity& object, bool can_list)
        : fd(std::move(descriptor)), identity(object), listable(can_list)
    {
    }

    const UniqueFd fd;
    const ObjectIdentity identity;
    const bool listable; // fd is an open folder, not O_PATH

    // The position in the folder that the next page is likely to start from.
    struct Listing {
        UniqueFd own; // open while a listing is under way, when the node itself is not listable
        std::uint64_t position = 0;
    };
    mutable Guarded<Listing> listing; // level: leaf
};
using NodeRef = std::shared_ptr<const Node>;

class NodeTable {
public:
    // ESTALE: the host asks for what it never got or has forgotten.
    Result<NodeRef> find(rpc::NodeId id) const;

    // The number of this object, one reference added. Takes `node` only when the object has no node yet.
    rpc::NodeId bind(NodeRef node);

    // Gives back `count` references. Unknown numbers are ignored: the session may have been cleared meanwhile.
    void forget(rpc::NodeId id, std::uint64_t count);

    // NodeId::root from now on; it is never forgotten.
    void set_root(NodeRef node);

    // Forgets everything, the root too.
    void clear();

    [[nodiscard]] std::size_t size() const;

private:
    struct IdentityHash {
        std::size_t operator()(const ObjectIdentity& key) const
        {
            return static_cast<std::size_t>((key.ino * 0x9e3779b97f4a7c15U) ^ (key.device << 32) ^ key.mount);
        }
    };
    struct Entry {
        NodeRef node;
        std::uint64_t references = 0;
    };
    struct Tables {
        std::unordered_map<std::uint64_t, Entry> by_id;
        std::unordered_map<ObjectIdentity, std::uint64_t, IdentityHash> by_identity;
        std::uint64_t next_id = static_cast<std::uint64_t>(rpc::NodeId::root) + 1;
    };

    Guarded<Tables> tables_; // level: leaf
};

} // namespace gm::daemon
