// SPDX-License-Identifier: GPL-2.0-or-later
#include "mount/returns.hpp"

#include <utility>

namespace gm::mount {
namespace {

constexpr std::size_t kNodesAtOnce = 256;

// Nobody can do anything about a failure: either the guest is gone, or it never had them.
constexpr auto ignore = [](const auto&) {};

} // namespace

template <typename P>
void Returns::send(const typename P::Args& args)
{
    if (late_.none()) {
        link_.begin<P>(args, ignore);
    } else {
        late_.add<P>(args, ignore);
    }
}

void Returns::node(rpc::NodeId node, std::uint64_t references, bool at_once)
{
    auto batch = nodes_.with([&](Nodes& nodes) {
        nodes.push_back({node, references});
        return at_once || nodes.size() >= kNodesAtOnce ? std::exchange(nodes, {}) : Nodes{};
    });
    if (!batch.empty()) {
        send<rpc::Forget>({std::move(batch)});
    }
}

void Returns::node_later(rpc::NodeId node)
{
    nodes_.with([&](Nodes& nodes) { nodes.push_back({node, 1}); });
}

void Returns::handle(rpc::HandleId handle)
{
    send<rpc::Release>({{handle}});
}

void Returns::flush()
{
    auto batch = nodes_.with([](Nodes& nodes) { return std::exchange(nodes, {}); });
    if (!batch.empty()) {
        send<rpc::Forget>({std::move(batch)});
    }
}

} // namespace gm::mount
