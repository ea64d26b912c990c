// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/launch/machine.hpp"

#include <charconv>
#include <cstdlib>
#include <string_view>

namespace gm::launch {
namespace {

constexpr unsigned kLeastMemoryMib = 128; // below this the kernel has no room for its initramfs

std::string_view environment(const char* name)
{
    const char* value = std::getenv(name);
    return value == nullptr ? std::string_view{} : std::string_view{value};
}

Result<void> apply_setting(std::string_view setting, MachineSettings& settings)
{
    if (setting == "force_tcg" || setting == "force_tcg=1") {
        settings.forced = Accelerator::tcg;
    } else if (setting == "force_kvm" || setting == "force_kvm=1") {
        settings.forced = Accelerator::kvm;
    } else if (setting == "no_template") {
        settings.use_template = false;
    }
    return {}; // settings of other backends are allowed there
}

} // namespace

Result<MachineSettings> MachineSettings::from_environment()
{
    MachineSettings settings;
    for (const char* variable : {"LIBGUESTFS_QEMU", "LIBGUESTFS_HV"}) {
        if (const auto value = environment(variable); !value.empty()) {
            settings.qemu = value;
        }
    }
    if (const auto value = environment("LIBGUESTFS_MEMSIZE"); !value.empty()) {
        const auto [end, failure] = std::from_chars(value.data(), value.data() + value.size(), settings.memory_mib, 10);
        if (failure != std::errc{} || end != value.data() + value.size() || settings.memory_mib < kLeastMemoryMib) {
            return make_error(EINVAL, "LIBGUESTFS_MEMSIZE: '{}' is not a number of MiB, at least {}", value,
                              kLeastMemoryMib);
        }
    }
    std::string_view rest = environment("LIBGUESTFS_BACKEND_SETTINGS");
    while (!rest.empty()) {
        const auto end = rest.find(':');
        GM_TRY(apply_setting(rest.substr(0, end), settings));
        rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
    }
    settings.kernel_options = environment("LIBGUESTFS_APPEND");
    return settings;
}

} // namespace gm::launch
