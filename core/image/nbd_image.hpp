// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A BlockSource over NBD: one or several connected sockets per drive, many requests in flight on each, all driven by
// one thread. A connection that breaks, or on which a request waits longer than the limit, is closed and its requests
// fail with EIO; later ones go to the drive's other connections while there are any. The peer may be hostile: libnbd
// checks what it sends, and offsets are checked against the size it announced.
#pragma once

#include "core/base/clock.hpp"
#include "core/base/unique_fd.hpp"
#include "core/image/block_source.hpp"

#include <memory>
#include <string>
#include <vector>

namespace gm::image {

class NbdImage final : public BlockSource {
public:
    struct Drive {
        std::string export_name;
        std::vector<UniqueFd> sockets; // connected, nothing said yet; at least one
    };
    struct Options {
        Millis connect_limit{10'000}; // for the handshake of one connection
        Millis request_limit{60'000};
    };

    // Shakes hands on every socket. Blocks.
    static Result<std::unique_ptr<NbdImage>> connect(std::vector<Drive> drives, const Options& options);
    ~NbdImage() override; // fails what is in flight with EIO; joins the thread

    [[nodiscard]] std::uint64_t size(std::uint32_t disk) const override;
    void begin(BlockRead read) override;

private:
    class Connections;
    explicit NbdImage(std::unique_ptr<Connections> connections);

    std::unique_ptr<Connections> connections_;
};

} // namespace gm::image
