// SPDX-License-Identifier: GPL-2.0-or-later
#include "mount/invalidator.hpp"

#include <mutex>

namespace gm::mount {
namespace {

// Each waits on one of libfuse's threads, and the writes it waits for need others.
constexpr unsigned kMaxWritingBack = 8;

} // namespace

Invalidator::Invalidator(fuse_session* session)
    : session_(session), thread_([this](const std::stop_token& stop) { loop(stop); })
{
}

Invalidator::~Invalidator()
{
    thread_.request_stop();
    thread_.join();
}

void Invalidator::attributes_changed(InodeId inode)
{
    const std::lock_guard lock(mutex_);
    if (queued_.insert(inode).second) {
        queue_.push_back(inode);
        wake_.notify_one();
    }
}

bool Invalidator::write_back(InodeId inode)
{
    const bool may = ++writing_back_ <= kMaxWritingBack;
    if (may) {
        // From the first byte to the end: also drops the pages, which are read again when they are needed.
        fuse_lowlevel_notify_inval_inode(session_, static_cast<fuse_ino_t>(inode), 0, 0);
    }
    --writing_back_;
    return may;
}

void Invalidator::loop(const std::stop_token& stop)
{
    std::unique_lock lock(mutex_);
    while (wake_.wait(lock, stop, [this] { return !queue_.empty(); })) {
        const InodeId inode = queue_.front();
        queue_.pop_front();
        queued_.erase(inode);
        lock.unlock();
        // A negative offset: the attributes only. ENOENT: the kernel has forgotten it.
        fuse_lowlevel_notify_inval_inode(session_, static_cast<fuse_ino_t>(inode), -1, 0);
        lock.lock();
    }
}

} // namespace gm::mount
