// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/launch/qemu_command.hpp"

#include "core/rpc/guest_names.hpp"

#include <fmt/format.h>

namespace gm::launch {
namespace {

// In qemu's key=value syntax a comma inside a value is doubled.
std::string escaped(std::string_view value)
{
    std::string out;
    for (const char c : value) {
        out += c;
        if (c == ',') {
            out += c;
        }
    }
    return out;
}

// Under TCG the guest must not see ERMS and FSRM: qemu emulates `rep movsb` a byte at a time, and the kernel copies
// with it when they are there. la57 would add a level to each page walk. The checksums of btrfs, ext4 and xfs are faster
// by the kernel's tables than by the CRC32 instruction of SSE4.2, which qemu computes a bit at a time.
const char* cpu_model(Accelerator accelerator)
{
    return accelerator == Accelerator::kvm ? "max" : "max,-erms,-fsrm,-la57,-sse4.2";
}

} // namespace

std::vector<std::string> qemu_argv(const QemuPlan& plan)
{
    std::vector<std::string> argv{plan.qemu, "-no-user-config", "-nodefaults", "-display", "none", "-no-reboot"};
    const auto add = [&](const char* option, std::string value) {
        argv.emplace_back(option);
        argv.push_back(std::move(value));
    };
    add("-machine", fmt::format("q35,accel={},hpet=off,vmport=off,smbus=off,sata=off,usb=off{}",
                                name_of(plan.accelerator), plan.ram ? ",memory-backend=ram" : ""));
    add("-cpu", cpu_model(plan.accelerator));
    add("-smp", std::to_string(plan.vcpus));
    add("-m", fmt::format("{}M", plan.memory_mib));
    if (plan.ram) {
        // By descriptor: the file that was checked, whatever its name leads to by now.
        add("-object", fmt::format("memory-backend-file,id=ram,size={}M,mem-path=/proc/self/fd/{},share={}",
                                   plan.memory_mib, plan.fds.ram, plan.ram->shared ? "on" : "off"));
    }
    add("-kernel", plan.kernel);
    add("-initrd", plan.initrd);
    add("-append", plan.kernel_command_line);
    if (plan.sandbox) {
        add("-sandbox", "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny");
    }
    add("-chardev", fmt::format("socket,id=qmp,fd={}", plan.fds.qmp));
    add("-mon", "chardev=qmp,mode=control");
    add("-chardev", fmt::format("socket,id=console,fd={}", plan.fds.console));
    add("-serial", "chardev:console");
    add("-device", "virtio-scsi-pci,id=scsi0");
    add("-device", "virtio-serial-pci,id=serial0");
    add("-chardev", fmt::format("socket,id=rpc,fd={}", plan.fds.rpc));
    add("-device", fmt::format("virtserialport,bus=serial0.0,chardev=rpc,name={}", rpc::kRpcPortName));
    add("-object", "rng-random,id=rng0,filename=/dev/urandom");
    add("-device", "virtio-rng-pci,rng=rng0");
    add("-device", "vmgenid,guid=auto");
    add("-blockdev", fmt::format("driver=raw,node-name=root,read-only=on,file.driver=file,file.locking=off,"
                                 "file.filename={}",
                                 escaped(plan.root)));
    add("-device", fmt::format("virtio-blk-pci,drive=root,serial={}", rpc::kRootDiskSerial));
    if (plan.incoming) {
        add("-incoming", "defer");
    }
    return argv;
}

} // namespace gm::launch
