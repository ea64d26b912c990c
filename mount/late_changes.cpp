// SPDX-License-Identifier: GPL-2.0-or-later
#include "mount/late_changes.hpp"

#include "core/base/clock.hpp"

namespace gm::mount {
namespace {

// Until it is sent without a reason; a program that goes on changing things comes back sooner.
constexpr Millis kPatience{100};
constexpr std::size_t kMostCalls = 64;
constexpr std::size_t kMostBytes = 256 << 10;

} // namespace

LateChanges::LateChanges(rpc::Link& link)
    : link_(link), sender_([this](const std::stop_token& stop) { send_in_time(stop); })
{
}

LateChanges::~LateChanges()
{
    sender_.request_stop();
    sender_.join();
    settle();
}

void LateChanges::settle()
{
    if (none()) {
        return;
    }
    const std::lock_guard order(order_);
    auto sequence = take();
    if (!sequence.empty()) {
        send(sequence);
    }
}

void LateChanges::note_added()
{
    any_ = true;
    full_ = waiting_.size() >= kMostCalls || waiting_.bytes().size() >= kMostBytes;
    if (waiting_.size() == 1) {
        added_.notify_one();
    }
}

rpc::CallSequence LateChanges::take()
{
    const std::lock_guard lock(mutex_);
    full_ = false;
    return std::exchange(waiting_, {});
}

void LateChanges::send(rpc::CallSequence& sequence)
{
    link_.call(sequence);
    const std::lock_guard lock(mutex_);
    any_ = !waiting_.empty();
}

void LateChanges::send_in_time(const std::stop_token& stop)
{
    while (!stop.stop_requested()) {
        {
            std::unique_lock lock(mutex_);
            if (!added_.wait(lock, stop, [this] { return !waiting_.empty(); })) {
                return;
            }
            added_.wait_for(lock, stop, kPatience, [] { return false; });
        }
        settle();
    }
}

} // namespace gm::mount
