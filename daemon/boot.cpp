// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/boot.hpp"

#include "core/base/clock.hpp"
#include "core/base/log.hpp"
#include "core/base/syscall.hpp"
#include "core/rpc/guest_names.hpp"
#include "daemon/kernel_modules.hpp"

#include <cstdlib>
#include <dirent.h>
#include <fcntl.h>
#include <functional>
#include <linux/netlink.h>
#include <optional>
#include <poll.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/utsname.h>

namespace gm::daemon {
namespace {

constexpr Millis kPatience{10'000}; // for a device to appear; under emulation on a busy host it may take seconds
constexpr const char* kInitrdModules = "/modules.list";
constexpr const char* kNewRoot = "/root";

struct KernelMount {
    const char* type;
    const char* target;
    unsigned long flags;
    const char* options;
};

Result<void> mount_one(const KernelMount& wanted)
{
    GM_TRY(sys([&] { return ::mount(wanted.type, wanted.target, wanted.type, wanted.flags, wanted.options); },
               [&] { return fmt::format("mount {} on {}", wanted.type, wanted.target); }));
    return {};
}

// Says when the kernel has announced something: a device, a partition, a port.
class DeviceEvents {
public:
    static Result<DeviceEvents> open()
    {
        UniqueFd socket{::socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_KOBJECT_UEVENT)};
        if (!socket.valid()) {
            return system_error(errno, "open the kernel's device events");
        }
        sockaddr_nl address{};
        address.nl_family = AF_NETLINK;
        address.nl_groups = 1; // the kernel's own events
        GM_TRY(sys(
            [&] {
                return ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), // bind(2) takes any family
                              sizeof address);
            },
            "listen to the kernel's device events"));
        return DeviceEvents{std::move(socket)};
    }

    // Asks `find` after each event until it has an answer.
    template <typename T>
    Result<T> wait_for_device(std::string_view what, const std::function<std::optional<T>()>& find) const
    {
        const Deadline deadline{kPatience};
        while (true) {
            if (auto found = find()) {
                return *std::move(found);
            }
            const bool event = GM_TRY(wait_for(socket_.get(), POLLIN, deadline.left()));
            if (!event) {
                return make_error(ETIMEDOUT, "{} did not appear within {} s", what,
                                  std::chrono::duration_cast<std::chrono::seconds>(kPatience).count());
            }
            char ignored[8192]; // what happened does not matter: `find` looks for itself
            while (::recv(socket_.get(), ignored, sizeof ignored, 0) > 0) {
            }
        }
    }

private:
    explicit DeviceEvents(UniqueFd socket) : socket_(std::move(socket)) {}

    UniqueFd socket_;
};

// The entry of a sysfs folder whose attribute file says `value`.
std::optional<std::string> entry_with(const std::string& folder, const char* attribute, std::string_view value)
{
    DIR* entries = ::opendir(folder.c_str());
    if (entries == nullptr) {
        return std::nullopt;
    }
    std::optional<std::string> found;
    while (const dirent* entry = ::readdir(entries)) {
        const auto text = read_file(fmt::format("{}/{}/{}", folder, entry->d_name, attribute));
        if (text.ok() && text.value().substr(0, text.value().find('\n')) == value) {
            found = entry->d_name;
            break;
        }
    }
    ::closedir(entries);
    return found;
}

Result<void> mount_kernel_file_systems()
{
    for (const auto& wanted : {KernelMount{"proc", "/proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr},
                               KernelMount{"sysfs", "/sys", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr},
                               KernelMount{"devtmpfs", "/dev", MS_NOSUID, "mode=0755"}}) {
        GM_TRY(mount_one(wanted));
    }
    return {};
}

Result<void> mount_root_image(const std::string& device)
{
    Error last = make_error(ENODEV, "no file system for it in the kernel");
    for (const char* type : {"erofs", "squashfs"}) {
        if (::mount(device.c_str(), kNewRoot, type, MS_RDONLY, nullptr) == 0) {
            return {};
        }
        if (errno != ENODEV) { // the kernel has that file system, so its answer says more
            last = system_error(errno, type);
        }
    }
    return with_context(std::move(last), fmt::format("mount the root image {}", device));
}

// What switch_root(8) does: the root image over the initramfs, with the kernel's file systems moved along.
Result<void> switch_to_root_image()
{
    for (const char* moved : {"/dev", "/proc", "/sys"}) {
        const std::string target = std::string{kNewRoot} + moved;
        GM_TRY(sys([&] { return ::mount(moved, target.c_str(), nullptr, MS_MOVE, nullptr); },
                   [&] { return fmt::format("move {} to {}", moved, target); }));
    }
    GM_TRY(sys([] { return ::chdir(kNewRoot); }, kNewRoot));
    GM_TRY(sys([] { return ::mount(".", "/", nullptr, MS_MOVE, nullptr); }, "move the root image to /"));
    GM_TRY(sys([] { return ::chroot("."); }, "chroot"));
    GM_TRY(sys([] { return ::chdir("/"); }, "/"));
    for (const auto& wanted : {KernelMount{"tmpfs", "/run", MS_NOSUID | MS_NODEV, "mode=0755"},
                               KernelMount{"tmpfs", "/tmp", MS_NOSUID | MS_NODEV, "mode=1777"}}) {
        GM_TRY(mount_one(wanted));
    }
    for (const char* folder : {"/run/lock", "/run/lock/lvm", "/run/lvm", "/run/mdadm", "/run/cryptsetup"}) {
        ::mkdir(folder, 0755); // the tools say themselves what they miss
    }
    [[maybe_unused]] const int ignored = ::symlink("/proc/self/fd", "/dev/fd");
    return {};
}

std::string module_list(const char* name)
{
    utsname kernel{};
    ::uname(&kernel);
    return fmt::format("/lib/modules/{}/{}", kernel.release, name);
}

// A kernel without a console leaves 0, 1 and 2 closed: then our own descriptors would get these numbers.
Result<void> fill_standard_descriptors()
{
    while (true) {
        UniqueFd fd = GM_TRY(open_file("/dev/null", O_RDWR));
        if (fd.get() > STDERR_FILENO) {
            return {};
        }
        (void)fd.release();
    }
}

} // namespace

Result<UniqueFd> boot()
{
    ::setenv("PATH", "/usr/sbin:/usr/bin:/sbin:/bin", 1); // the kernel gives process 1 none
    GM_TRY(mount_kernel_file_systems());
    GM_TRY(fill_standard_descriptors());
    const auto events = GM_TRY(DeviceEvents::open());
    GM_TRY(load_modules(kInitrdModules, AfterLoading::remove_file));

    const auto disk = GM_TRY(events.wait_for_device<std::string>(
        "the disk with the root image", [] { return entry_with("/sys/block", "serial", rpc::kRootDiskSerial); }));
    GM_TRY(mount_root_image("/dev/" + disk));
    GM_TRY(switch_to_root_image());
    GM_TRY(load_modules(module_list("boot.list"), AfterLoading::keep_file));

    const auto port = GM_TRY(events.wait_for_device<std::string>(
        "the port to the host", [] { return entry_with("/sys/class/virtio-ports", "name", rpc::kRpcPortName); }));
    return open_file("/dev/" + port, O_RDWR);
}

void load_template_modules()
{
    const auto loaded = load_modules(module_list("template.list"), AfterLoading::keep_file);
    if (!loaded.ok()) {
        log_warning("{}", loaded.error().text);
    }
}

} // namespace gm::daemon
