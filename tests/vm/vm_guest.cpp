// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/vm/vm_guest.hpp"

#include "core/launch/qemu_identity.hpp"
#include "tests/support/requirements.hpp"
#include "tests/support/scratch.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace gm::test {
namespace {

appliance::ApplianceFiles ready_appliance()
{
    auto store = appliance::ApplianceStore::from_environment();
    REQUIRE_MESSAGE(store.ok(), problem(store));
    auto files = store.value().prepare({}, Deadline{Millis{120'000}});
    REQUIRE_MESSAGE(files.ok(), problem(files));
    return files.take_value();
}

} // namespace

GuestOptions guest_options(std::vector<Drive> drives, const std::string& cache_folder)
{
    require_vm();
    GuestOptions options;
    options.appliance = ready_appliance();
    options.settings.forced = launch::Accelerator::tcg;
    options.cache_folder = cache_folder;
    if (cache_folder.empty()) {
        auto shared = appliance::private_cache_folder(appliance::cache_parent());
        REQUIRE_MESSAGE(shared.ok(), problem(shared));
        options.cache_folder = shared.take_value();
    }
    options.drives = std::move(drives);
    return options;
}

std::unique_ptr<Guest> must_launch(GuestOptions options)
{
    auto guest = Guest::launch(std::move(options));
    REQUIRE_MESSAGE(guest.ok(), problem(guest));
    return guest.take_value();
}

Error must_not_launch(GuestOptions options)
{
    auto guest = Guest::launch(std::move(options));
    REQUIRE_FALSE(guest.ok());
    CHECK(guest.error().text.find('\n') == std::string::npos);
    return guest.error();
}

std::string make_image(const std::string& path, off_t size)
{
    write_file(path, "");
    REQUIRE(::truncate(path.c_str(), size) == 0);
    return path;
}

std::string make_wrapper(const std::string& folder, const std::string& script)
{
    const auto qemu = launch::QemuIdentity::of("qemu-system-x86_64");
    REQUIRE_MESSAGE(qemu.ok(), problem(qemu));
    const auto path = folder + "/qemu";
    write_file(path, fmt::format("#!/bin/sh\nQEMU={}\n{}\n", qemu.value().path, script));
    REQUIRE(::chmod(path.c_str(), 0755) == 0);
    return path;
}

std::string random_bytes(Guest& guest)
{
    const auto reply = guest.call<rpc::RandomBytes>({.count = 16});
    REQUIRE_MESSAGE(reply.ok(), problem(reply));
    CHECK(reply.value().bytes.size() == 16);
    return reply.value().bytes;
}

} // namespace gm::test
