// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The files whose newest data may still be in the guest's memory only: what the drive holds of them must not be read
// past the guest. Marked before a change, cleared by a sync that began after it. Any thread.
#pragma once

#include "core/base/guarded.hpp"

#include <cstdint>
#include <map>
#include <utility>

namespace gm::daemon {

class UnsavedFiles {
public:
    struct Key {
        std::uint64_t device = 0;
        std::uint64_t ino = 0;
        auto operator<=>(const Key&) const = default;
    };

    void mark(Key file)
    {
        state_.with([&](State& state) { state.files[file] = ++state.change; });
    }
    [[nodiscard]] bool has(Key file) const
    {
        return state_.with([&](const State& state) { return state.files.contains(file); });
    }
    // Before a sync; hand the answer to saved().
    [[nodiscard]] std::uint64_t now() const
    {
        return state_.with([](const State& state) { return state.change; });
    }
    void saved(Key file, std::uint64_t since)
    {
        state_.with([&](State& state) {
            const auto found = state.files.find(file);
            if (found != state.files.end() && found->second <= since) {
                state.files.erase(found);
            }
        });
    }
    void all_saved(std::uint64_t since)
    {
        state_.with(
            [&](State& state) { std::erase_if(state.files, [&](const auto& item) { return item.second <= since; }); });
    }
    void clear()
    {
        state_.with([](State& state) { state.files.clear(); });
    }

private:
    struct State {
        std::map<Key, std::uint64_t> files; // number of the file's last change
        std::uint64_t change = 0;
    };
    Guarded<State> state_; // level: leaf
};

} // namespace gm::daemon
