// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The life of a session: hello to unmount, and the block devices.
#include "core/base/log.hpp"
#include "core/base/syscall.hpp"
#include "daemon/block_probe.hpp"
#include "daemon/boot.hpp"
#include "daemon/btrfs_subvolumes.hpp"
#include "daemon/handlers.hpp"
#include "daemon/inspect/inspector.hpp"

#include <algorithm>
#include <fcntl.h>
#include <linux/random.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/utsname.h>
#include <time.h>

namespace gm::daemon {
namespace {

constexpr std::size_t kLeastEntropy = 64;  // bytes
constexpr std::size_t kMostEntropy = 4096; // bytes

// Into the kernel's pool as true randomness, and used from the next byte on.
Result<void> credit_entropy(std::string_view entropy)
{
    const UniqueFd device = GM_TRY(open_file("/dev/urandom", O_RDWR));
    std::vector<int> message(2 + (entropy.size() + sizeof(int) - 1) / sizeof(int)); // rand_pool_info
    message[0] = static_cast<int>(entropy.size() * 8);
    message[1] = static_cast<int>(entropy.size());
    std::copy(entropy.begin(), entropy.end(), reinterpret_cast<char*>(message.data() + 2));
    GM_TRY(sys([&] { return ::ioctl(device.get(), RNDADDENTROPY, message.data()); }, "credit entropy"));
    GM_TRY(sys([&] { return ::ioctl(device.get(), RNDRESEEDCRNG); }, "reseed the random generator"));
    return {};
}

constexpr std::size_t kMostListedSubvolumes = 500; // of a file system

// "btrfsvol:/dev/sda1/@home"; what cannot be told is left out.
std::vector<std::string> subvolumes_of(Mounts& mounts, const std::string& device)
{
    std::vector<std::string> names;
    const auto top = mounts.mount_hidden(device, "subvolid=5");
    const auto subvolumes =
        top.ok() ? list_subvolumes(top->path()) : Result<std::vector<Subvolume>>{Error{top.error()}};
    if (!subvolumes.ok()) {
        log_debug("{}", subvolumes.error().text);
        return names;
    }
    for (const auto& subvolume : *subvolumes) {
        if (names.size() < kMostListedSubvolumes) {
            names.push_back("btrfsvol:" + device + "/" + subvolume.path);
        }
    }
    return names;
}

} // namespace

Handlers::Answer<rpc::Hello> Handlers::on(rpc::Hello, const rpc::Hello::Args& args, rpc::CallContext&)
{
    if (args.fingerprint != rpc::Procedures::fingerprint()) {
        log_warning("the host was built from another version of the protocol"); // it sees that itself by the reply
    }
    utsname kernel{};
    ::uname(&kernel);
    return rpc::Hello::Reply{
        .fingerprint = rpc::Procedures::fingerprint(), .build = GM_VERSION, .kernel_release = kernel.release};
}

Handlers::Answer<rpc::Wake> Handlers::on(rpc::Wake, const rpc::Wake::Args& args, rpc::CallContext&)
{
    if (args.entropy.size() < kLeastEntropy || args.entropy.size() > kMostEntropy) {
        return make_error(EINVAL, "wake: {} bytes of entropy", args.entropy.size());
    }
    GM_TRY(credit_entropy(args.entropy));
    const timespec now{.tv_sec = args.now.seconds, .tv_nsec = args.now.nanoseconds};
    GM_TRY(sys([&] { return ::clock_settime(CLOCK_REALTIME, &now); }, "set the clock"));
    return rpc::Wake::Reply{};
}

Handlers::Answer<rpc::Sync> Handlers::on(rpc::Sync, const rpc::Sync::Args&, rpc::CallContext&)
{
    const std::uint64_t since = unsaved_.now();
    GM_TRY(mounts_.sync_all());
    unsaved_.all_saved(since);
    return rpc::Sync::Reply{};
}

Handlers::Answer<rpc::UnmountAll> Handlers::on(rpc::UnmountAll, const rpc::UnmountAll::Args&, rpc::CallContext&)
{
    handles_.clear();
    nodes_.clear();
    folders_ahead_.clear();
    auto unmounted = mounts_.sync_all();
    if (unmounted.ok()) {
        unmounted = mounts_.unmount_all();
    }
    if (unmounted.ok()) {
        unmounted = volumes_.stop_all();
    }
    if (unmounted.ok()) {
        unmounted = mounts_.sync_all(); // nothing is mounted any more: the drives' caches
    }
    unsaved_.clear();
    extent_sources_.clear();
    GM_TRY(reopen_root());
    if (!unmounted.ok()) {
        return unmounted.take_error();
    }
    return rpc::UnmountAll::Reply{};
}

Handlers::Answer<rpc::RandomBytes> Handlers::on(rpc::RandomBytes, const rpc::RandomBytes::Args& args, rpc::CallContext&)
{
    constexpr std::uint32_t kMost = 256; // getrandom(2) gives these whole
    std::string bytes(std::min(args.count, kMost), '\0');
    GM_TRY(sys([&] { return ::getrandom(bytes.data(), bytes.size(), 0); }, "getrandom"));
    return rpc::RandomBytes::Reply{std::move(bytes)};
}

Handlers::Answer<rpc::PrepareTemplate> Handlers::on(rpc::PrepareTemplate, const rpc::PrepareTemplate::Args&,
                                                    rpc::CallContext&)
{
    load_template_modules();
    return rpc::PrepareTemplate::Reply{};
}

Handlers::Answer<rpc::WaitForDisks> Handlers::on(rpc::WaitForDisks, const rpc::WaitForDisks::Args& args,
                                                 rpc::CallContext& context)
{
    GM_TRY(devices_.wait_for_drives(args.count, Deadline{Millis{args.timeout_ms}}, context.stop()));
    return rpc::WaitForDisks::Reply{};
}

Handlers::Answer<rpc::ListBlockDevices> Handlers::on(rpc::ListBlockDevices, const rpc::ListBlockDevices::Args&,
                                                     rpc::CallContext&)
{
    return rpc::ListBlockDevices::Reply{devices_.list()};
}

Handlers::Answer<rpc::ListFilesystems> Handlers::on(rpc::ListFilesystems, const rpc::ListFilesystems::Args& args,
                                                    rpc::CallContext& context)
{
    rpc::ListFilesystems::Reply reply;
    const auto devices = devices_.list();
    for (std::size_t i = 0; i < devices.size() && !context.stop().stop_requested(); ++i) {
        const auto& device = devices[i];
        const bool has_partitions = (device.kind == rpc::BlockKind::disk || device.kind == rpc::BlockKind::raid) &&
                                    i + 1 < devices.size() && devices[i + 1].kind == rpc::BlockKind::partition;
        const auto path = devices_.kernel_path(device.name);
        const auto content = path.ok() ? probe(*path) : Result<BlockContent>{Error{path.error()}};
        // A disc that also starts as a hard disk has a partition table in front of its file system.
        if (has_partitions && !(content.ok() && content->type == "iso9660")) {
            continue;
        }
        if (!content.ok()) {
            log_warning("{}", content.error().text);
        }
        std::optional<std::uint64_t> used;
        if (args.with_usage && content.ok() && !why_not_mountable(*content)) {
            auto measured = mounts_.measure(device.name);
            if (measured.ok()) {
                used = *measured;
            } else {
                log_debug("{}", measured.error().text);
            }
        }
        reply.filesystems.push_back({.device = device.name,
                                     .type = content.ok() && !content->type.empty() ? content->type : "unknown",
                                     .label = content.ok() ? content->label : "",
                                     .uuid = content.ok() ? content->uuid : "",
                                     .size = device.size,
                                     .used = used});
        if (used && content->type == "btrfs") {
            for (auto& subvolume : subvolumes_of(mounts_, device.name)) {
                reply.filesystems.push_back(
                    {.device = std::move(subvolume), .type = "btrfs", .label = {}, .uuid = {}, .size = 0, .used = {}});
            }
        }
    }
    return reply;
}

Handlers::Answer<rpc::ActivateVolumes> Handlers::on(rpc::ActivateVolumes, const rpc::ActivateVolumes::Args& args,
                                                    rpc::CallContext& context)
{
    return volumes_.activate(args.read_only, context.stop());
}

Handlers::Answer<rpc::OpenEncrypted> Handlers::on(rpc::OpenEncrypted, const rpc::OpenEncrypted::Args& args,
                                                  rpc::CallContext&)
{
    const auto bytes = args.key.bytes();
    std::string opened = GM_TRY(
        volumes_.open(args.device, {reinterpret_cast<const char*>(bytes.data()), bytes.size()}, args.is_volume_key));
    return rpc::OpenEncrypted::Reply{std::move(opened)};
}

Handlers::Answer<rpc::ReadKeyslot> Handlers::on(rpc::ReadKeyslot, const rpc::ReadKeyslot::Args& args, rpc::CallContext&)
{
    return volumes_.read_keyslot(args.device, args.index);
}

Handlers::Answer<rpc::MountFilesystem> Handlers::on(rpc::MountFilesystem, const rpc::MountFilesystem::Args& args,
                                                    rpc::CallContext& context)
{
    volumes_.look_for(args.device, args.read_only, context.stop());
    const Mounted mounted = GM_TRY(mounts_.mount({.device = args.device,
                                                  .mountpoint = args.mountpoint,
                                                  .options = args.options,
                                                  .type = args.type,
                                                  .read_only = args.read_only,
                                                  .make_folder = args.make_folder}));
    extent_sources_.add(mounted, devices_);
    GM_TRY(reopen_root()); // it may be what was mounted
    return rpc::MountFilesystem::Reply{mounted.note};
}

Handlers::Answer<rpc::Inspect> Handlers::on(rpc::Inspect, const rpc::Inspect::Args&, rpc::CallContext& context)
{
    return rpc::Inspect::Reply{find_systems(devices_, mounts_, context.stop())};
}

} // namespace gm::daemon
