// SPDX-License-Identifier: LGPL-2.1-or-later
//
// One reference to a node of the daemon, given back when the last owner lets go. Pages of folders share it, and the
// mount's inode may share it with them. Immutable: any thread may hold one.
#pragma once

#include "core/rpc/types.hpp"

#include <functional>
#include <memory>

namespace gm::cache {

// Gives one reference back. Called on any thread, the link's receiving one included: must not block or call the link.
using ForgetNode = std::function<void(rpc::NodeId)>;

class NodeHold {
public:
    NodeHold(rpc::NodeId node, const ForgetNode& forget) : node_(node), forget_(forget) {}
    NodeHold(const NodeHold&) = delete;
    NodeHold& operator=(const NodeHold&) = delete;
    ~NodeHold() { forget_(node_); }

    [[nodiscard]] rpc::NodeId node() const { return node_; }

private:
    rpc::NodeId node_;
    ForgetNode forget_;
};

} // namespace gm::cache
