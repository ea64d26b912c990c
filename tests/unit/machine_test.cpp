// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/launch/machine.hpp"

#include <cstdlib>
#include <doctest/doctest.h>

namespace {

using namespace gm::launch;

// Sets variables for the time of a test.
class Environment {
public:
    Environment()
    {
        for (const char* name : kNames) {
            ::unsetenv(name);
        }
    }
    Environment(const Environment&) = delete;
    Environment& operator=(const Environment&) = delete;
    ~Environment()
    {
        for (const char* name : kNames) {
            ::unsetenv(name);
        }
    }
    void set(const char* name, const char* value) { ::setenv(name, value, 1); }

private:
    static constexpr const char* kNames[] = {"LIBGUESTFS_HV", "LIBGUESTFS_QEMU", "LIBGUESTFS_MEMSIZE",
                                             "LIBGUESTFS_BACKEND_SETTINGS", "LIBGUESTFS_APPEND"};
};

TEST_SUITE("machine")
{
    TEST_CASE("an empty environment gives the defaults")
    {
        const Environment environment;
        const auto settings = MachineSettings::from_environment();
        REQUIRE(settings.ok());
        CHECK(settings.value() == MachineSettings{});
    }

    TEST_CASE("the newer name of the qemu variable wins")
    {
        Environment environment;
        environment.set("LIBGUESTFS_QEMU", "/old");
        CHECK(MachineSettings::from_environment().value().qemu == "/old");
        environment.set("LIBGUESTFS_HV", "/new");
        CHECK(MachineSettings::from_environment().value().qemu == "/new");
    }

    TEST_CASE("a memory size that is no number names the variable")
    {
        Environment environment;
        for (const char* value : {"much", "12x", "-1", "64", "99999999999"}) {
            environment.set("LIBGUESTFS_MEMSIZE", value);
            const auto settings = MachineSettings::from_environment();
            REQUIRE_FALSE(settings.ok());
            CHECK(settings.error().text.find("LIBGUESTFS_MEMSIZE") != std::string::npos);
        }
        environment.set("LIBGUESTFS_MEMSIZE", "2000");
        CHECK(MachineSettings::from_environment().value().memory_mib == 2000);
    }

    TEST_CASE("the accelerator can be forced among other settings")
    {
        Environment environment;
        environment.set("LIBGUESTFS_BACKEND_SETTINGS", "network_bridge=br0:force_tcg");
        CHECK(MachineSettings::from_environment().value().forced == Accelerator::tcg);
        environment.set("LIBGUESTFS_BACKEND_SETTINGS", "force_kvm");
        CHECK(MachineSettings::from_environment().value().forced == Accelerator::kvm);
    }

    TEST_CASE("a boot each time can be asked for")
    {
        Environment environment;
        CHECK(MachineSettings::from_environment().value().use_template);
        environment.set("LIBGUESTFS_BACKEND_SETTINGS", "force_tcg:no_template");
        CHECK_FALSE(MachineSettings::from_environment().value().use_template);
    }
}

} // namespace
