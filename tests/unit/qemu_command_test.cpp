// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/launch/qemu_command.hpp"

#include <algorithm>
#include <doctest/doctest.h>

namespace {

using namespace gm::launch;

QemuPlan example()
{
    QemuPlan plan;
    plan.qemu = "/usr/bin/qemu-system-x86_64";
    plan.kernel = "/cache/kernel";
    plan.initrd = "/cache/initrd";
    plan.root = "/cache/root,1";
    plan.kernel_command_line = "console=ttyS0 quiet";
    return plan;
}

// The value behind the n-th occurrence of an option; "" when there are fewer.
std::string value_of(const std::vector<std::string>& argv, std::string_view option, int n = 0)
{
    for (std::size_t i = 0; i + 1 < argv.size(); ++i) {
        if (argv[i] == option && n-- == 0) {
            return argv[i + 1];
        }
    }
    return {};
}

TEST_SUITE("qemu_command")
{
    TEST_CASE("the command line of a cold boot is exactly this")
    {
        const std::vector<std::string> expected{
            "/usr/bin/qemu-system-x86_64",
            "-no-user-config",
            "-nodefaults",
            "-display",
            "none",
            "-no-reboot",
            "-machine",
            "q35,accel=tcg,hpet=off,vmport=off,smbus=off,sata=off,usb=off",
            "-cpu",
            "max,-erms,-fsrm,-la57,-sse4.2",
            "-smp",
            "1",
            "-m",
            "1536M",
            "-kernel",
            "/cache/kernel",
            "-initrd",
            "/cache/initrd",
            "-append",
            "console=ttyS0 quiet",
            "-sandbox",
            "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny",
            "-chardev",
            "socket,id=qmp,fd=3",
            "-mon",
            "chardev=qmp,mode=control",
            "-chardev",
            "socket,id=console,fd=5",
            "-serial",
            "chardev:console",
            "-device",
            "virtio-scsi-pci,id=scsi0",
            "-device",
            "virtio-serial-pci,id=serial0",
            "-chardev",
            "socket,id=rpc,fd=4",
            "-device",
            "virtserialport,bus=serial0.0,chardev=rpc,name=org.guestmount.rpc",
            "-object",
            "rng-random,id=rng0,filename=/dev/urandom",
            "-device",
            "virtio-rng-pci,rng=rng0",
            "-device",
            "vmgenid,guid=auto",
            "-blockdev",
            "driver=raw,node-name=root,read-only=on,file.driver=file,file.locking=off,file.filename=/cache/root,,1",
            "-device",
            "virtio-blk-pci,drive=root,serial=gmroot",
        };
        CHECK(qemu_argv(example()) == expected);
    }

    TEST_CASE("KVM differs from TCG in the accelerator and the CPU model only")
    {
        QemuPlan plan = example();
        const auto tcg = qemu_argv(plan);
        plan.accelerator = Accelerator::kvm;
        auto kvm = qemu_argv(plan);
        CHECK(value_of(kvm, "-cpu") == "max");
        CHECK(value_of(kvm, "-machine").find("accel=kvm") != std::string::npos);
        for (std::size_t i = 0; i < kvm.size(); ++i) {
            if (kvm[i - (i > 0 ? 1 : 0)] != "-cpu" && kvm[i - (i > 0 ? 1 : 0)] != "-machine") {
                CHECK(kvm[i] == tcg[i]);
            }
        }
    }

    TEST_CASE("a clone maps the memory file privately and waits for a device state")
    {
        QemuPlan plan = example();
        plan.memory_mib = 2048;
        plan.ram = RamFile{.fd = 9, .shared = false};
        plan.incoming = true;
        const auto argv = qemu_argv(plan);
        CHECK(value_of(argv, "-object") == "memory-backend-file,id=ram,size=2048M,mem-path=/proc/self/fd/6,share=off");
        CHECK(value_of(argv, "-machine").ends_with(",memory-backend=ram"));
        CHECK(value_of(argv, "-incoming") == "defer");
    }

    TEST_CASE("a template is made of shared memory and boots")
    {
        QemuPlan plan = example();
        plan.ram = RamFile{.fd = 9, .shared = true};
        const auto argv = qemu_argv(plan);
        CHECK(value_of(argv, "-object").ends_with("share=on"));
        CHECK(std::find(argv.begin(), argv.end(), "-incoming") == argv.end());
    }

    TEST_CASE("qemu gets no network and no default device")
    {
        const auto argv = qemu_argv(example());
        CHECK(std::find(argv.begin(), argv.end(), "-nodefaults") != argv.end());
        CHECK(std::none_of(argv.begin(), argv.end(), [](const auto& word) {
            return word.find("net") != std::string::npos || word.find("e1000") != std::string::npos;
        }));
    }
}

} // namespace
