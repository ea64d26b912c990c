// SPDX-License-Identifier: GPL-2.0-or-later
//
// How much may be written to each of the guest's file systems without asking whether there is room: a part of what was
// free when it was asked last, less what this mount has written since. Any thread.
#pragma once

#include "core/base/guarded.hpp"

#include <algorithm>
#include <cstdint>
#include <map>

namespace gm::mount {

class FreeSpace {
public:
    static constexpr std::uint64_t kReserve = 128 << 20; // bytes that must stay free whatever is written unasked
    static constexpr std::uint64_t kMost = 256 << 20;    // bytes to write between two questions
    static constexpr std::uint64_t kBeside = 64 << 10;   // bytes that a write may take beside its own
    static constexpr unsigned kPatience = 1000;          // writes until a full file system is asked again

    enum class Answer { yes, no, ask };

    // Whether `size` bytes more certainly fit; yes takes them.
    Answer take(std::uint32_t filesystem, std::uint64_t size)
    {
        return rooms_.with([&](Rooms& rooms) {
            Room& room = rooms[filesystem];
            if (room.bytes >= size + kBeside) {
                room.bytes -= size + kBeside;
                return Answer::yes;
            }
            if (room.patience > 0) {
                --room.patience;
                return Answer::no;
            }
            return Answer::ask;
        });
    }
    // Bytes that were written, or soon will be, without having been taken.
    void spent(std::uint32_t filesystem, std::uint64_t size)
    {
        rooms_.with([&](Rooms& rooms) {
            Room& room = rooms[filesystem];
            room.bytes -= std::min(room.bytes, size);
        });
    }
    // What statfs(2) tells: blocks free for anybody, and their size in bytes.
    void learn(std::uint32_t filesystem, std::uint64_t blocks, std::uint64_t block_size)
    {
        const std::uint64_t free =
            block_size != 0 && blocks > UINT64_MAX / block_size ? UINT64_MAX : blocks * block_size;
        rooms_.with([&](Rooms& rooms) {
            Room& room = rooms[filesystem];
            room.bytes = free <= kReserve ? 0 : std::min((free - kReserve) / 2, kMost);
            room.patience = room.bytes < kReserve / 16 ? kPatience : 0;
        });
    }

private:
    struct Room {
        std::uint64_t bytes = 0;
        unsigned patience = 0;
    };
    using Rooms = std::map<std::uint32_t, Room>;

    Guarded<Rooms> rooms_; // level: leaf
};

} // namespace gm::mount
