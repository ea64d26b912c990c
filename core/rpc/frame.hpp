// SPDX-License-Identifier: LGPL-2.1-or-later
//
// One message on the channel: a fixed header, the encoded body, the bulk bytes. Header, body and bulk together are at
// most kMaxMessage; both sides refuse more before they allocate. A FrameReader and a FrameWriter belong to one
// descriptor each; the reader serves one thread at a time, the writer any number.
#pragma once

#include "core/base/error.hpp"
#include "core/base/guarded.hpp"
#include "core/rpc/bulk.hpp"
#include "core/rpc/table.hpp"

#include <optional>
#include <span>
#include <vector>

namespace gm::rpc {

constexpr std::size_t kMaxMessage = 4 << 20;

enum class RequestId : std::uint64_t {};

enum class FrameKind : std::uint8_t { call, reply, error, progress, cancel };
constexpr FrameKind wire_max(FrameKind)
{
    return FrameKind::cancel;
}

struct FrameHeader {
    std::uint32_t magic = 0;
    FrameKind kind = FrameKind::call;
    std::uint16_t procedure = 0;
    RequestId request{};
    std::uint32_t body_size = 0; // bytes
    std::uint32_t bulk_size = 0; // bytes

    bool operator==(const FrameHeader&) const = default;
};

constexpr std::uint32_t kFrameMagic = 0x31524d47; // "GMR1"
constexpr std::size_t kHeaderSize = min_wire_size<FrameHeader>();
// What a bulk may measure so that any procedure's fields fit beside it.
constexpr std::size_t kMaxBulk = kMaxMessage - 65536;

// Bodies of the frames that are no procedure's.
struct ErrorBody {
    std::uint32_t errno_value = 0;
    std::string text;

    [[nodiscard]] bool valid() const { return errno_value > 0 && errno_value < 4096 && text.size() <= 8192; }
    bool operator==(const ErrorBody&) const = default;
};
struct ProgressBody {
    std::uint64_t position = 0;
    std::uint64_t total = 0; // 0: not known; the call is alive

    bool operator==(const ProgressBody&) const = default;
};

struct Frame {
    FrameHeader header;
    std::vector<std::byte> body;
    Bulk bulk;
};

// A frame among others in memory; borrows them.
struct FrameView {
    FrameHeader header;
    std::span<const std::byte> body;
    std::span<const std::byte> bulk;

    [[nodiscard]] Bulk copy_of_bulk() const;
};

// Adds a frame behind those that are in `to`.
void append_frame(std::vector<std::byte>& to, FrameKind kind, ProcId procedure, RequestId request,
                  std::span<const std::byte> body, std::span<const std::byte> bulk);
// Takes the first frame away from `from`. EPROTO, EMSGSIZE: there is no whole one.
Result<FrameView> take_frame(std::span<const std::byte>& from);

// The body of an error frame.
Encoder error_body(const Error& error);

// The header that `bytes` (kHeaderSize of them) hold; EPROTO when it breaks a rule, EMSGSIZE when it announces too
// much.
Result<FrameHeader> decode_header(std::span<const std::byte> bytes);

class FrameReader {
public:
    explicit FrameReader(int fd) : fd_(fd), buffer_(kBufferSize) {} // the descriptor stays the caller's

    // The next frame; nothing at an orderly end of the stream. Blocks.
    Result<std::optional<Frame>> next();

    // Whether a part of a frame is already here, so that next() need not wait for its first byte.
    [[nodiscard]] bool has_buffered() const { return begin_ != end_; }

private:
    static constexpr std::size_t kBufferSize = 65536;

    Result<bool> fill(std::span<std::byte> into); // false at end of stream before the first byte

    int fd_;
    std::vector<std::byte> buffer_;
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
};

class FrameWriter {
public:
    explicit FrameWriter(int fd) : fd_(std::in_place, fd) {} // the descriptor stays the caller's

    // Sends one frame whole. EMSGSIZE, and nothing sent, when it is longer than kMaxMessage. Blocks.
    Result<void> send(FrameKind kind, ProcId procedure, RequestId request, std::span<const std::byte> body,
                      std::span<const std::byte> bulk = {});

private:
    Guarded<int> fd_; // level: leaf; held while a frame is written
};

} // namespace gm::rpc
