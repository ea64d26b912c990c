// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cache/open_files.hpp"

#include <fcntl.h>

namespace gm::cache {

Result<OpenFilePtr> OpenFiles::open(const Key& file, const rpc::Target& target)
{
    const auto known = state_.with([&](State& state) -> OpenFilePtr {
        const auto found = state.index.find(file);
        if (found == state.index.end()) {
            return nullptr;
        }
        state.order.splice(state.order.begin(), state.order, found->second);
        return found->second->second;
    });
    if (known != nullptr) {
        return known;
    }
    const auto opened = GM_TRY(link_.call<rpc::Open>({target, O_RDONLY}));
    auto mine = std::make_shared<const OpenFile>(opened.handle, give_back_);
    OpenFilePtr closed; // given back after the lock is released
    state_.with([&](State& state) {
        if (state.index.contains(file)) {
            return; // another thread was faster; this one is used once
        }
        state.order.emplace_front(file, mine);
        state.index[file] = state.order.begin();
        if (state.order.size() > kMaxOpen) {
            closed = std::move(state.order.back().second);
            state.index.erase(state.order.back().first);
            state.order.pop_back();
        }
    });
    return mine;
}

} // namespace gm::cache
