// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/serve.hpp"

#include "core/rpc/server.hpp"
#include "daemon/caller_identity.hpp"

namespace gm::daemon {

Result<void> serve(int channel, Handlers& handlers, unsigned threads)
{
    rpc::Server<Handlers> server{channel, channel, handlers};
    return server.run(threads, prepare_worker_thread);
}

} // namespace gm::daemon
