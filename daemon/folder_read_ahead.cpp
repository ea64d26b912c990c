// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/folder_read_ahead.hpp"

#include "core/base/syscall.hpp"
#include "daemon/fiemap.hpp"
#include "daemon/sysfs.hpp"

#include <fcntl.h>
#include <linux/magic.h>
#include <optional>
#include <sys/vfs.h>

namespace gm::daemon {
namespace {

UniqueFd open_device(int folder, std::uint64_t device)
{
    struct statfs filesystem;
    const std::string name = kernel_name_of(device);
    if (name.empty() || ::fstatfs(folder, &filesystem) == -1 || filesystem.f_type != EXT4_SUPER_MAGIC) {
        return {};
    }
    auto fd = open_file("/dev/" + name, O_RDONLY);
    return fd.ok() ? fd.take_value() : UniqueFd{};
}

// Where the folder's first block lies on its device, in bytes.
std::optional<std::uint64_t> first_block(int folder)
{
    constexpr std::uint32_t kInexact =
        FIEMAP_EXTENT_UNKNOWN | FIEMAP_EXTENT_DATA_INLINE | FIEMAP_EXTENT_ENCODED | FIEMAP_EXTENT_NOT_ALIGNED;
    FiemapRequest<1> request;
    if (!request.ask(folder, 0, 1) || request.extents().empty() ||
        (request.extents().front().fe_flags & kInexact) != 0) {
        return std::nullopt;
    }
    return request.extents().front().fe_physical;
}

} // namespace

void FolderReadAhead::before_listing(int folder, std::uint64_t device)
{
    devices_.with([&](auto& devices) {
        const auto [found, is_new] = devices.try_emplace(device);
        Device& state = found->second;
        if (is_new) {
            state.fd = open_device(folder, device);
        }
        const auto block = state.fd.valid() ? first_block(folder) : std::nullopt;
        if (!block) {
            return;
        }
        if (state.windows.contains(*block / kWindow)) {
            state.in_vain = 0;
            return;
        }
        if (++state.in_vain > kMaxInVain || state.windows.size() >= kMaxWindows) {
            state.fd.reset();
            state.windows.clear();
            return;
        }
        state.windows.insert(*block / kWindow);
        ::posix_fadvise(state.fd.get(), static_cast<off_t>(*block / kWindow * kWindow), kWindow, POSIX_FADV_WILLNEED);
    });
}

void FolderReadAhead::clear()
{
    devices_.with([](auto& devices) { devices.clear(); });
}

} // namespace gm::daemon
