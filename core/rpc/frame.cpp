// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/rpc/frame.hpp"

#include "core/base/syscall.hpp"
#include "core/rpc/procedures.hpp"

#include <algorithm>
#include <cstring>

namespace gm::rpc {
namespace {

constexpr std::size_t kMaxErrorText = 4096;

Encoder header_of(FrameKind kind, ProcId procedure, RequestId request, std::size_t body_size, std::size_t bulk_size)
{
    Encoder encoder;
    encoder.put(FrameHeader{.magic = kFrameMagic,
                            .kind = kind,
                            .procedure = static_cast<std::uint16_t>(procedure),
                            .request = request,
                            .body_size = static_cast<std::uint32_t>(body_size),
                            .bulk_size = static_cast<std::uint32_t>(bulk_size)});
    return encoder;
}

} // namespace

Bulk FrameView::copy_of_bulk() const
{
    Bulk copy = Bulk::allocate(bulk.size());
    std::ranges::copy(bulk, copy.writable().begin());
    return copy;
}

void append_frame(std::vector<std::byte>& to, FrameKind kind, ProcId procedure, RequestId request,
                  std::span<const std::byte> body, std::span<const std::byte> bulk)
{
    const Encoder header = header_of(kind, procedure, request, body.size(), bulk.size());
    for (const auto part : {std::span<const std::byte>{header.bytes()}, body, bulk}) {
        to.insert(to.end(), part.begin(), part.end());
    }
}

Result<FrameView> take_frame(std::span<const std::byte>& from)
{
    if (from.size() < kHeaderSize) {
        return make_error(EPROTO, "{} bytes are no frame", from.size());
    }
    FrameView frame{.header = GM_TRY(decode_header(from.first(kHeaderSize))), .body = {}, .bulk = {}};
    const auto content = from.subspan(kHeaderSize);
    const std::size_t size = std::size_t{frame.header.body_size} + frame.header.bulk_size;
    if (content.size() < size) {
        return make_error(EPROTO, "a frame of {} bytes has only {}", size, content.size());
    }
    frame.body = content.first(frame.header.body_size);
    frame.bulk = content.subspan(frame.header.body_size, frame.header.bulk_size);
    from = content.subspan(size);
    return frame;
}

Encoder error_body(const Error& error)
{
    Encoder body;
    body.put(ErrorBody{.errno_value = static_cast<std::uint32_t>(std::clamp(error.errno_value, 1, 4095)),
                       .text = error.text.substr(0, kMaxErrorText)});
    return body;
}

Result<FrameHeader> decode_header(std::span<const std::byte> bytes)
{
    Decoder decoder{bytes};
    FrameHeader header;
    if (!decoder.get(header) || !decoder.at_end() || header.magic != kFrameMagic) {
        return make_error(EPROTO, "not a frame");
    }
    if (std::uint64_t{kHeaderSize} + header.body_size + header.bulk_size > kMaxMessage) {
        return make_error(EMSGSIZE, "a frame of {} + {} bytes is too long", header.body_size, header.bulk_size);
    }
    return header;
}

Result<bool> FrameReader::fill(std::span<std::byte> into)
{
    const std::size_t wanted = into.size();
    while (!into.empty()) {
        if (begin_ == end_ && into.size() >= kBufferSize) { // large: straight to where it belongs
            const bool more = GM_TRY(read_exact(fd_, into));
            if (!more && into.size() != wanted) {
                return make_error(ECONNRESET, "the channel ended in the middle of a message");
            }
            return more;
        }
        if (begin_ == end_) {
            const auto got = GM_TRY(sys([&] { return ::read(fd_, buffer_.data(), buffer_.size()); }, "receive"));
            if (got == 0) {
                if (into.size() == wanted) {
                    return false;
                }
                return make_error(ECONNRESET, "the channel ended in the middle of a message");
            }
            begin_ = 0;
            end_ = static_cast<std::size_t>(got);
        }
        const std::size_t step = std::min(into.size(), end_ - begin_);
        std::copy_n(buffer_.begin() + static_cast<std::ptrdiff_t>(begin_), step, into.begin());
        begin_ += step;
        into = into.subspan(step);
    }
    return true;
}

Result<std::optional<Frame>> FrameReader::next()
{
    std::byte raw[kHeaderSize];
    if (!GM_TRY(fill(raw))) {
        return std::optional<Frame>{};
    }
    Frame frame;
    frame.header = GM_TRY(decode_header(raw));
    frame.body.resize(frame.header.body_size);
    frame.bulk = Bulk::allocate(frame.header.bulk_size);
    for (const std::span<std::byte> part : {std::span<std::byte>{frame.body}, frame.bulk.writable()}) {
        if (!part.empty() && !GM_TRY(fill(part))) {
            return make_error(ECONNRESET, "the channel ended in the middle of a message");
        }
    }
    if (Procedures::is_secret(ProcId{frame.header.procedure})) {
        frame.bulk.make_secret();
        ::explicit_bzero(buffer_.data(), begin_);
    }
    return std::optional<Frame>{std::move(frame)};
}

Result<void> FrameWriter::send(FrameKind kind, ProcId procedure, RequestId request, std::span<const std::byte> body,
                               std::span<const std::byte> bulk)
{
    if (kHeaderSize + body.size() + bulk.size() > kMaxMessage) {
        return make_error(EMSGSIZE, "a message of {} + {} bytes is too long", body.size(), bulk.size());
    }
    const Encoder header = header_of(kind, procedure, request, body.size(), bulk.size());
    const auto part = [](std::span<const std::byte> bytes) {
        return iovec{.iov_base = const_cast<std::byte*>(bytes.data()), .iov_len = bytes.size()}; // writev(2) only reads
    };
    iovec parts[] = {part(header.bytes()), part(body), part(bulk)};
    return fd_.with([&](int fd) { return writev_all(fd, parts); });
}

} // namespace gm::rpc
