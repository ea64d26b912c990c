// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/base/temp_dir.hpp"
#include "core/launch/accelerator_choice.hpp"

#include <doctest/doctest.h>

namespace {

using namespace gm::launch;

const QemuIdentity kQemu{.path = "/usr/bin/qemu-system-x86_64", .size = 1, .mtime_ns = 2};

TEST_SUITE("accelerator choice")
{
    using Tries = std::vector<AcceleratorChoice::Try>;

    TEST_CASE("KVM is on trial until it is known to work")
    {
        auto folder = gm::TempDir::make("/tmp", "gm-test-").take_value();
        const AcceleratorChoice choice{folder.path(), kQemu, "boot-1"};
        CHECK(choice.plan({}, true) == Tries{{Accelerator::kvm, false}, {Accelerator::tcg, true}});
        choice.remember(Accelerator::kvm);
        CHECK(choice.plan({}, true) == Tries{{Accelerator::kvm, true}, {Accelerator::tcg, true}});
    }

    TEST_CASE("a failed KVM is not tried again in this boot of the host with this qemu")
    {
        auto folder = gm::TempDir::make("/tmp", "gm-test-").take_value();
        AcceleratorChoice{folder.path(), kQemu, "boot-1"}.remember(Accelerator::tcg);
        CHECK(AcceleratorChoice{folder.path(), kQemu, "boot-1"}.plan({}, true) == Tries{{Accelerator::tcg, true}});
        CHECK(AcceleratorChoice{folder.path(), kQemu, "boot-2"}.plan({}, true).size() == 2);
        QemuIdentity upgraded = kQemu;
        upgraded.mtime_ns = 3;
        CHECK(AcceleratorChoice{folder.path(), upgraded, "boot-1"}.plan({}, true).size() == 2);
    }

    TEST_CASE("a forced accelerator is the only one, and without /dev/kvm there is only TCG")
    {
        const AcceleratorChoice choice{"", kQemu, "boot-1"};
        CHECK(choice.plan(Accelerator::kvm, false) == Tries{{Accelerator::kvm, true}});
        CHECK(choice.plan(Accelerator::tcg, true) == Tries{{Accelerator::tcg, true}});
        CHECK(choice.plan({}, false) == Tries{{Accelerator::tcg, true}});
    }

    TEST_CASE("a folder that cannot be written only means another try")
    {
        const AcceleratorChoice choice{"/nonexistent", kQemu, "boot-1"};
        choice.remember(Accelerator::tcg);
        CHECK(choice.plan({}, true).size() == 2);
    }
}

} // namespace
