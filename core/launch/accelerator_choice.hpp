// SPDX-License-Identifier: LGPL-2.1-or-later
//
// KVM or TCG. That /dev/kvm opens proves nothing: on some nested machines guests hang or stop under it. So KVM is tried
// once, and what came of it is remembered in the cache folder for this boot of the host and this qemu.
// Any thread; a memory that cannot be read or written only costs another try.
#pragma once

#include "core/launch/machine.hpp"
#include "core/launch/qemu_identity.hpp"

#include <optional>
#include <string>
#include <vector>

namespace gm::launch {

class AcceleratorChoice {
public:
    // `folder`: where to remember; empty: nowhere.
    AcceleratorChoice(std::string folder, QemuIdentity qemu, std::string boot_id);

    struct Try {
        Accelerator accelerator = Accelerator::tcg;
        bool proven = true; // false: watch it closely

        bool operator==(const Try&) const = default;
    };
    // What to try, in order. `kvm_opens`: whether /dev/kvm can be opened.
    [[nodiscard]] std::vector<Try> plan(std::optional<Accelerator> forced, bool kvm_opens) const;

    void remember(Accelerator works) const;

private:
    [[nodiscard]] std::optional<Accelerator> recall() const;
    [[nodiscard]] std::string line_for(Accelerator accelerator) const;

    std::string path_;
    QemuIdentity qemu_;
    std::string boot_id_;
};

[[nodiscard]] bool kvm_opens();
// Changes with each boot of the host.
[[nodiscard]] std::string host_boot_id();

} // namespace gm::launch
