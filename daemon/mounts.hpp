// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The guest's file systems on the root folder: mounted with mount(2), told apart by device number, unmounted in reverse
// order. Errors are one line that a user understands. Any thread; mounting and unmounting one at a time.
#pragma once

#include "core/base/guarded.hpp"
#include "daemon/block_probe.hpp"
#include "daemon/devices.hpp"
#include "daemon/mount_plan.hpp"

#include <atomic>
#include <string>
#include <utility>
#include <vector>

namespace gm::daemon {

struct MountRequest {
    std::string device; // as the user names it, or btrfsvol:DEVICE/SUBVOLUME
    std::string mountpoint;
    std::string options;
    std::string type;
    bool read_only = true;
    bool make_folder = false; // the mountpoint is a name at the top of the tree
};

struct Mounted {
    std::string device;       // as the user names it
    std::string mountpoint;   // in the guest
    std::string path;         // of the daemon
    std::uint64_t mount = 0;  // the kernel's number of the mount
    std::uint64_t number = 0; // st_dev
    std::string type;         // as the kernel names it
    bool read_only = true;
    bool by_tool = false;
    std::string note; // why it is read-only although it was to be writable
};

// A file system that is mounted read-only out of sight, for as long as this lives.
class HiddenMount {
public:
    static Result<HiddenMount> make();
    HiddenMount(HiddenMount&& other) noexcept : path_(std::exchange(other.path_, {})) {}
    HiddenMount& operator=(HiddenMount&&) = delete;
    ~HiddenMount();

    [[nodiscard]] const std::string& path() const { return path_; } // of the daemon

private:
    explicit HiddenMount(std::string path) : path_(std::move(path)) {}
    std::string path_;
};

class Mounts {
public:
    Mounts(std::string root, Devices& devices) : root_(std::move(root)), devices_(devices) {}

    Result<Mounted> mount(const MountRequest& request);

    // Mounts the file system of a device for the daemon alone.
    Result<HiddenMount> mount_hidden(const std::string& device, const std::string& options = {});

    // Bytes in use in the file system of a device, which is mounted for that.
    Result<std::uint64_t> measure(const std::string& device);

    // The last one first. EBUSY names what is still in use.
    Result<void> unmount_all();

    // Everything of all mounts to their devices, and the devices' caches flushed.
    Result<void> sync_all();

    // The target of the link `leaf` in `fd` ("": that `fd` is), which lies on the device `number`: ntfs-3g answers a
    // path of Windows ("C:\\Users") by one of the appliance's. In the guest's tree it is a way from the link.
    [[nodiscard]] std::string link_in_guest(std::string target, std::uint64_t number, int fd, const char* leaf) const;

    [[nodiscard]] std::vector<Mounted> list() const
    {
        return mounted_.with([](const auto& all) { return all; });
    }
    // Nothing is mounted: false.
    [[nodiscard]] bool all_read_only() const { return all_read_only_; }

private:
    Result<Mounted> mount_in_folder(const MountRequest& request);
    void add(const Mounted& mounted);
    Result<Mounted> mount_resolved(MountRequest request, const std::string& device, int mountpoint);
    // What the tool said, if it was one.
    Result<std::string> attempt(const MountAttempt& attempt, const std::string& device, const std::string& path);
    std::string why_read_only(const MountRequest& request, const Mounted& mounted, std::string_view said_by_tool,
                              std::vector<std::string> log);
    Error explain(const MountRequest& request, Error error, const BlockContent& content, std::vector<std::string> log);

    const std::string root_;
    Devices& devices_;
    Guarded<std::vector<Mounted>> mounted_; // level: leaf
    std::atomic<bool> all_read_only_{false};
};

} // namespace gm::daemon
