// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What a handler of the daemon may know of the call it runs.
#pragma once

#include <cstdint>
#include <functional>
#include <stop_token>

namespace gm::rpc {

class CallContext {
public:
    CallContext(std::stop_token stop, std::function<void(std::uint64_t, std::uint64_t)> report)
        : stop_(std::move(stop)), report_(std::move(report))
    {
    }

    // Set when the host gave up; a handler that takes long must look.
    [[nodiscard]] const std::stop_token& stop() const { return stop_; }
    void progress(std::uint64_t position, std::uint64_t total) { report_(position, total); }

private:
    std::stop_token stop_;
    std::function<void(std::uint64_t, std::uint64_t)> report_;
};

} // namespace gm::rpc
