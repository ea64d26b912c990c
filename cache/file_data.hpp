// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Bytes of a file on their way to a reader: slices of buffers that caches and other readers share. Values.
#pragma once

#include "cache/changes.hpp"
#include "core/rpc/bulk.hpp"

#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace gm::cache {

using Buffer = std::shared_ptr<const rpc::Bulk>;

class FileData {
public:
    struct Piece {
        Buffer owner;
        std::span<const std::byte> bytes;
    };

    void append(Buffer owner, std::span<const std::byte> bytes)
    {
        if (bytes.empty()) {
            return;
        }
        size_ += bytes.size();
        if (!pieces_.empty() && pieces_.back().owner == owner &&
            pieces_.back().bytes.data() + pieces_.back().bytes.size() == bytes.data()) {
            pieces_.back().bytes = {pieces_.back().bytes.data(), pieces_.back().bytes.size() + bytes.size()};
        } else {
            pieces_.push_back({std::move(owner), bytes});
        }
    }

    [[nodiscard]] const std::vector<Piece>& pieces() const { return pieces_; }
    [[nodiscard]] std::size_t size() const { return size_; }

private:
    std::vector<Piece> pieces_;
    std::size_t size_ = 0;
};

// A block of a file in the cache: kBlockSize bytes, fewer only at the file's end.
constexpr std::size_t kBlockSize = 128 << 10;
struct Block {
    Epoch seen{};
    Buffer owner;
    std::span<const std::byte> bytes;
    std::optional<Key> listed_in; // it was read as an entry of this folder
};

struct BlockId {
    Key file;
    std::uint64_t index = 0; // offset / kBlockSize
    bool operator==(const BlockId&) const = default;
};
struct BlockIdHash {
    std::size_t operator()(const BlockId& id) const { return KeyHash{}(id.file) ^ (id.index * 0x9e3779b97f4a7c15); }
};

} // namespace gm::cache
