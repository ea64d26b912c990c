// SPDX-License-Identifier: GPL-2.0-or-later
//
// A FUSE mount, made and taken away by fusermount3, which may do that for an ordinary user. Owned by the session's
// creator; one thread at a time.
#pragma once

#include "core/base/error.hpp"
#include "core/base/unique_fd.hpp"

#include <string>

namespace gm::mount {

enum class Unmount {
    when_free, // EBUSY while somebody uses it
    lazily,    // out of the tree now, gone when nobody uses it any more
};
// Takes the mount at `mountpoint` away. The error has fusermount3's own words.
Result<void> unmount(const std::string& mountpoint, Unmount how);

class FuseMount {
public:
    // `options` as mount(8) takes them after -o.
    static Result<FuseMount> make(const std::string& mountpoint, const std::string& options);

    FuseMount(FuseMount&& other) noexcept = default;
    FuseMount& operator=(FuseMount&&) = delete;
    FuseMount(const FuseMount&) = delete;
    FuseMount& operator=(const FuseMount&) = delete;
    ~FuseMount(); // lazily, if it is still there

    [[nodiscard]] const std::string& mountpoint() const { return mountpoint_; }
    [[nodiscard]] int device() const { return device_.get(); } // owned by this object
    [[nodiscard]] bool attached() const;                       // nobody unmounted it

private:
    FuseMount(std::string mountpoint, UniqueFd device) : mountpoint_(std::move(mountpoint)), device_(std::move(device))
    {
    }

    std::string mountpoint_;
    UniqueFd device_; // /dev/fuse
};

} // namespace gm::mount
