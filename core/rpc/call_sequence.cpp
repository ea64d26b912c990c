// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/rpc/call_sequence.hpp"

namespace gm::rpc {
namespace {

// What the frame says; nothing when it is no answer to this call.
std::optional<Result<FrameView>> answer_in(const FrameView& frame, ProcId procedure, std::size_t number)
{
    if (ProcId{frame.header.procedure} != procedure || frame.header.request != RequestId{number}) {
        return std::nullopt;
    }
    if (frame.header.kind == FrameKind::reply) {
        return Result<FrameView>{frame};
    }
    auto error = decode<ErrorBody>(frame.body, {});
    if (frame.header.kind != FrameKind::error || !error.ok()) {
        return std::nullopt;
    }
    return Result<FrameView>{Error{static_cast<int>(error->errno_value), std::move(error->text)}};
}

} // namespace

Result<void> CallSequence::finish(Result<RunSequence::Reply> reply)
{
    std::span<const std::byte> rest = reply.ok() ? reply->answers.bytes() : std::span<const std::byte>{};
    std::optional<Error> failure = reply.ok() ? std::nullopt : std::optional{reply.error()};
    bool broken = false;
    std::size_t number = 0;
    for (auto& item : std::exchange(items_, {})) {
        std::optional<Result<FrameView>> answer;
        if (!failure) {
            const auto frame = take_frame(rest);
            answer = frame.ok() ? answer_in(*frame, item.procedure, number) : std::nullopt;
            broken = broken || !answer;
        }
        if (!answer) {
            failure = failure ? failure : make_error(EPROTO, "the appliance sent a malformed answer to a sequence");
            answer = Result<FrameView>{*failure};
        }
        broken = !item.done(std::move(*answer)) || broken;
        ++number;
    }
    calls_.clear();
    if (broken || !rest.empty()) {
        return make_error(EPROTO, "the appliance sent malformed answers to a sequence of calls");
    }
    return {};
}

} // namespace gm::rpc
