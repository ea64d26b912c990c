// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/rpc/cache/fake_guest.hpp"

#include "core/rpc/server.hpp"

namespace gm::test {

void serve(int channel, FakeGuest& guest)
{
    rpc::Server<FakeGuest> server{channel, channel, guest};
    static_cast<void>(server.run(4).ok());
}

} // namespace gm::test
