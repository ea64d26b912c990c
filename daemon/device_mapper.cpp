// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/device_mapper.hpp"

#include "core/base/syscall.hpp"

#include <algorithm>
#include <fcntl.h>
#include <linux/dm-ioctl.h>
#include <sys/ioctl.h>

namespace gm::daemon {
namespace {

constexpr const char* kControl = "/dev/mapper/control";

dm_ioctl request_for(const std::string& name, std::uint32_t size)
{
    dm_ioctl request{};
    request.version[0] = DM_VERSION_MAJOR;
    request.data_size = size;
    request.data_start = sizeof request;
    std::copy_n(name.begin(), std::min(name.size(), sizeof request.name - 1), request.name);
    return request;
}

} // namespace

Result<void> remove_mapping(const std::string& name)
{
    const UniqueFd control = GM_TRY(open_file(kControl, O_RDWR));
    dm_ioctl request = request_for(name, sizeof(dm_ioctl));
    GM_TRY(sys([&] { return ::ioctl(control.get(), DM_DEV_REMOVE, &request); },
               [&] { return fmt::format("close '{}'", name); }));
    return {};
}

} // namespace gm::daemon
