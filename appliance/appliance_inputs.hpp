// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What an appliance is made of on this host, and a text that changes whenever any of it does. Looking costs a few stat
// calls, since every mount does it. Values; any thread.
#pragma once

#include "appliance/host_kernel.hpp"
#include "core/base/error.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace gm::appliance {

struct ApplianceInputs {
    std::string data_folder; // holds supermin.d/ (lists in supermin's format) and the list of kernel modules
    std::string daemon;      // guestfsd, a static executable

    // ../lib/guestmount beside the running program, or the build tree when the program runs from there.
    static Result<ApplianceInputs> find();

    [[nodiscard]] std::string supermin_folder() const { return data_folder + "/supermin.d"; }
    [[nodiscard]] std::string module_list() const { return data_folder + "/modules"; }
};

// One line for each input: path, size, time of change.
Result<std::string> describe_inputs(const ApplianceInputs& inputs, const HostKernel& kernel);

// 16 hexadecimal digits that name a text (FNV-1a; no protection against forgery is needed: the folder is private, and
// the whole text is compared as well).
std::string short_hash(std::string_view text);

} // namespace gm::appliance
