// SPDX-License-Identifier: GPL-2.0-or-later
#include "mount/upkeep.hpp"

#include <condition_variable>

namespace gm::mount {
namespace {

constexpr Millis kInterval{1000};
constexpr unsigned kSyncAtLeastEvery = 5; // intervals, while changes go on

} // namespace

Upkeep::Upkeep(Filesystem& filesystem, rpc::Link& link)
    : filesystem_(filesystem), link_(link), thread_([this](const std::stop_token& stop) { loop(stop); })
{
}

void Upkeep::loop(const std::stop_token& stop)
{
    std::mutex mutex; // level: leaf
    std::condition_variable_any never;
    std::unique_lock lock(mutex);
    std::uint64_t synced = 0;
    std::uint64_t seen = 0;
    unsigned waited = 0;
    while (!never.wait_for(lock, stop, kInterval, [&] { return stop.stop_requested(); })) {
        filesystem_.settle();
        filesystem_.flush_returns();
        const auto changes = filesystem_.changes();
        waited = changes == synced ? 0 : waited + 1;
        if (changes != synced && (changes == seen || waited >= kSyncAtLeastEvery)) {
            synced = changes;
            waited = 0;
            // An error will be told to whoever calls fsync(2), and at the end.
            link_.begin<rpc::Sync>({}, [synced_all = filesystem_.all_synced()](const auto& reply) {
                if (reply.ok()) {
                    synced_all();
                } else {
                    log_debug("periodic sync: {}", reply.error().text);
                }
            });
        }
        seen = changes;
    }
}

} // namespace gm::mount
