// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/guest/disks.hpp"

#include "core/base/syscall.hpp"
#include "core/guest/blockdev.hpp"
#include "core/guest/qcow2_overlay.hpp"

#include <algorithm>
#include <cstdlib>
#include <fcntl.h>
#include <functional>
#include <sys/mman.h>
#include <unordered_map>
#include <utility>

namespace gm {
namespace {

using launch::Json;
using launch::Qmp;

// A file without a name: nothing to leave behind.
Result<UniqueFd> nameless_file()
{
    for (const char* variable : {"LIBGUESTFS_TMPDIR", "TMPDIR"}) {
        if (const char* folder = std::getenv(variable); folder != nullptr && *folder != '\0') {
            if (auto file = open_file(folder, O_TMPFILE | O_RDWR, 0600); file) {
                return file;
            }
        }
    }
    if (auto file = open_file("/var/tmp", O_TMPFILE | O_RDWR, 0600); file) {
        return file;
    }
    return UniqueFd{GM_TRY(sys([] { return ::memfd_create("overlay", MFD_CLOEXEC); }, "memfd_create"))};
}

// Commands under way, each about one drive. finish() takes all answers, so that none is left behind, and returns the
// first refusal in words about its drive.
class Batch {
public:
    explicit Batch(Qmp& qmp) : qmp_(qmp) {}

    Result<void> send(const DriveSource& drive, std::string_view command, const Json& arguments, int fd = -1)
    {
        const auto ticket = fd == -1 ? qmp_.send(command, arguments) : qmp_.send_fd(command, arguments, fd);
        if (!ticket) {
            return ticket.error();
        }
        sent_.push_back({ticket.value(), &drive});
        return {};
    }

    // `forgive` may take a refusal, by its drive and qemu's words, for none.
    Result<void> finish(
        Deadline deadline, const std::function<bool(const DriveSource&, const std::string&)>& forgive =
                               [](const auto&, const auto&) { return false; })
    {
        std::optional<Error> first;
        for (const auto& [ticket, drive] : std::exchange(sent_, {})) {
            const auto answer = qmp_.finish(ticket, deadline);
            if (!answer && !first && !forgive(*drive, answer.error().text)) {
                const bool refused = answer.error().errno_value == EIO;
                first = refused ? explain_refusal(*drive, answer.error().text) : answer.error();
            }
        }
        if (first) {
            return *first;
        }
        return {};
    }

private:
    struct Sent {
        Qmp::Ticket ticket;
        const DriveSource* drive;
    };
    Qmp& qmp_;
    std::vector<Sent> sent_;
};

// A drive that cannot be read by io_uring (an old kernel, a container that forbids it, a qemu without it) is read by
// threads.
Result<void> add_images(Qmp& qmp, std::vector<DriveSource>& drives, Deadline deadline)
{
    Batch batch{qmp};
    for (unsigned i = 0; i < drives.size(); ++i) {
        GM_TRY(batch.send(drives[i], "blockdev-add", image_node(i, drives[i])));
    }
    std::vector<unsigned> again;
    GM_TRY(batch.finish(deadline, [&](const DriveSource& drive, const std::string& refusal) {
        const bool by_io_uring = drive.protocol.contains(kAio) && refusal.find(kIoUring) != std::string::npos;
        if (by_io_uring) {
            again.push_back(static_cast<unsigned>(&drive - drives.data()));
        }
        return by_io_uring;
    }));
    for (const unsigned i : again) {
        drives[i].protocol.erase(kAio);
        GM_TRY(batch.send(drives[i], "blockdev-add", image_node(i, drives[i])));
    }
    return batch.finish(deadline);
}

// Sizes of the virtual disks by node name, as qemu has found them in the images.
Result<std::unordered_map<std::string, std::uint64_t>> node_sizes(Qmp& qmp, Deadline deadline)
{
    const Json nodes = GM_TRY(qmp.execute("query-named-block-nodes", Json{{"flat", true}}, deadline));
    std::unordered_map<std::string, std::uint64_t> sizes;
    for (const auto& node : nodes) {
        sizes[node.value("node-name", std::string{})] = node.value("/image/virtual-size"_json_pointer, std::uint64_t{});
    }
    return sizes;
}

Result<void> add_overlays(Qmp& qmp, const std::vector<DriveSource>& drives, Deadline deadline)
{
    const bool must_ask =
        std::any_of(drives.begin(), drives.end(), [](const auto& drive) { return drive.read_only && !drive.size; });
    std::unordered_map<std::string, std::uint64_t> sizes;
    if (must_ask) {
        sizes = GM_TRY(node_sizes(qmp, deadline));
    }
    Batch batch{qmp};
    for (unsigned i = 0; i < drives.size(); ++i) {
        if (!drives[i].read_only) {
            continue;
        }
        constexpr std::uint64_t sector = 512;
        const std::uint64_t size = drives[i].size ? *drives[i].size : sizes[base_node_name(i)];
        const auto file = GM_TRY(nameless_file());
        const std::string metadata = empty_qcow2((size + sector - 1) / sector * sector);
        GM_TRY(write_all(file.get(), std::as_bytes(std::span{metadata})));
        const int set = static_cast<int>(i);
        GM_TRY(batch.send(drives[i], "add-fd", Json{{"fdset-id", set}}, file.get()));
        GM_TRY(batch.send(drives[i], "blockdev-add", overlay_node(i, drives[i], fmt::format("/dev/fdset/{}", set))));
    }
    return batch.finish(deadline);
}

Result<void> add_devices(Qmp& qmp, const std::vector<DriveSource>& drives, Deadline deadline)
{
    Batch batch{qmp};
    for (unsigned i = 0; i < drives.size(); ++i) {
        GM_TRY(batch.send(drives[i], "device_add", disk_device(i, drives[i])));
    }
    return batch.finish(deadline);
}

} // namespace

Result<void> plug_disks(Qmp& qmp, std::vector<DriveSource> drives, Deadline deadline)
{
    GM_TRY(add_images(qmp, drives, deadline));
    GM_TRY(add_overlays(qmp, drives, deadline));
    GM_TRY(add_devices(qmp, drives, deadline));
    return {};
}

} // namespace gm
