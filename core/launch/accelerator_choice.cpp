// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/launch/accelerator_choice.hpp"

#include "core/base/log.hpp"
#include "core/base/syscall.hpp"

#include <fcntl.h>

namespace gm::launch {

AcceleratorChoice::AcceleratorChoice(std::string folder, QemuIdentity qemu, std::string boot_id)
    : path_(folder.empty() ? std::string{} : fmt::format("{}/accelerator-{}", folder, short_hash(qemu.path))),
      qemu_(std::move(qemu)), boot_id_(std::move(boot_id))
{
}

std::vector<AcceleratorChoice::Try> AcceleratorChoice::plan(std::optional<Accelerator> forced, bool kvm_opens) const
{
    if (forced) {
        return {{*forced, true}};
    }
    if (!kvm_opens) {
        return {{Accelerator::tcg, true}};
    }
    const auto known = recall();
    if (known == Accelerator::tcg) {
        return {{Accelerator::tcg, true}};
    }
    return {{Accelerator::kvm, known.has_value()}, {Accelerator::tcg, true}};
}

void AcceleratorChoice::remember(Accelerator works) const
{
    if (path_.empty() || recall() == works) {
        return;
    }
    if (const auto written = replace_file(path_, line_for(works)); !written) {
        log_debug("cannot remember the accelerator: {}", written.error().text);
    }
}

std::optional<Accelerator> AcceleratorChoice::recall() const
{
    const auto content = path_.empty() ? Result<std::string>{std::string{}} : read_file(path_);
    for (const auto accelerator : {Accelerator::kvm, Accelerator::tcg}) {
        if (content && content.value() == line_for(accelerator)) {
            return accelerator;
        }
    }
    return std::nullopt;
}

std::string AcceleratorChoice::line_for(Accelerator accelerator) const
{
    return fmt::format("{} {} {}\n", name_of(accelerator), boot_id_, qemu_.text());
}

bool kvm_opens()
{
    return open_file("/dev/kvm", O_RDWR).ok();
}

std::string host_boot_id()
{
    auto id = read_file("/proc/sys/kernel/random/boot_id");
    return id ? id.value().substr(0, id.value().find('\n')) : std::string{};
}

} // namespace gm::launch
