// SPDX-License-Identifier: GPL-2.0-or-later
//
// What the host gives back to the daemon: node references and open files, by messages that nobody waits for. Node
// references are collected into batches; what keeps space in the guest from being freed goes at once.
// Owned by the Filesystem; any thread, never blocks on a reply.
#pragma once

#include "core/base/guarded.hpp"
#include "core/rpc/link.hpp"
#include "mount/late_changes.hpp"

namespace gm::mount {

class Returns {
public:
    Returns(rpc::Link& link, LateChanges& late) : link_(link), late_(late) {}

    void node(rpc::NodeId node, std::uint64_t references, bool at_once);
    // The same from where nothing may be sent, such as the link's own thread: it goes with a later batch.
    void node_later(rpc::NodeId node);
    void handle(rpc::HandleId handle);
    // Sends what has been collected.
    void flush();

private:
    using Nodes = std::vector<rpc::NodeCount>;

    // Along with what goes anyway, or at once.
    template <typename P>
    void send(const typename P::Args& args);

    rpc::Link& link_;
    LateChanges& late_;
    Guarded<Nodes> nodes_; // level: leaf; never held while sending
};

} // namespace gm::mount
