// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/device_mapper.hpp"

#include "core/base/syscall.hpp"

#include <algorithm>
#include <cstring>
#include <fcntl.h>
#include <linux/dm-ioctl.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

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

std::string node_of(const std::string& name)
{
    return "/dev/mapper/" + name;
}

// A request with one target behind it; wiped, for what the parameters hold.
class TargetRequest {
public:
    TargetRequest(const std::string& name, const MappingTarget& target)
        : bytes_((sizeof(dm_ioctl) + sizeof(dm_target_spec) + target.parameters.size() + 1 + 7) / 8 * 8)
    {
        dm_ioctl request = request_for(name, static_cast<std::uint32_t>(bytes_.size()));
        request.target_count = 1;
        request.flags = DM_SECURE_DATA_FLAG;
        dm_target_spec spec{};
        spec.length = target.sectors;
        std::copy_n(target.type.begin(), std::min(target.type.size(), sizeof spec.target_type - 1), spec.target_type);
        std::memcpy(bytes_.data(), &request, sizeof request);
        std::memcpy(bytes_.data() + sizeof request, &spec, sizeof spec);
        std::ranges::copy(target.parameters, bytes_.begin() + sizeof request + sizeof spec);
    }
    ~TargetRequest() { ::explicit_bzero(bytes_.data(), bytes_.size()); }
    TargetRequest(const TargetRequest&) = delete;
    TargetRequest& operator=(const TargetRequest&) = delete;

    char* data() { return bytes_.data(); }

private:
    std::vector<char> bytes_;
};

} // namespace

Result<void> create_mapping(const std::string& name, const std::string& uuid, const MappingTarget& target)
{
    const UniqueFd control = GM_TRY(open_file(kControl, O_RDWR));
    const auto failed = [&] { return fmt::format("make '{}'", name); };
    dm_ioctl create = request_for(name, sizeof(dm_ioctl));
    std::copy_n(uuid.begin(), std::min(uuid.size(), sizeof create.uuid - 1), create.uuid);
    GM_TRY(sys([&] { return ::ioctl(control.get(), DM_DEV_CREATE, &create); }, failed));
    TargetRequest load(name, target);
    auto outcome = sys([&] { return ::ioctl(control.get(), DM_TABLE_LOAD, load.data()); }, failed);
    if (outcome.ok()) {
        dm_ioctl resume = request_for(name, sizeof(dm_ioctl)); // without DM_SUSPEND_FLAG it starts
        outcome = sys([&] { return ::ioctl(control.get(), DM_DEV_SUSPEND, &resume); }, failed);
    }
    if (outcome.ok()) {
        // What udev would do.
        outcome = sys([&] { return ::mknod(node_of(name).c_str(), S_IFBLK | 0600, create.dev); }, failed);
    }
    if (!outcome.ok()) {
        static_cast<void>(remove_mapping(name));
        return outcome.take_error();
    }
    return {};
}

Result<void> remove_mapping(const std::string& name)
{
    const UniqueFd control = GM_TRY(open_file(kControl, O_RDWR));
    dm_ioctl request = request_for(name, sizeof(dm_ioctl));
    GM_TRY(sys([&] { return ::ioctl(control.get(), DM_DEV_REMOVE, &request); },
               [&] { return fmt::format("close '{}'", name); }));
    ::unlink(node_of(name).c_str()); // absent when the mapping was not made here
    return {};
}

} // namespace gm::daemon
