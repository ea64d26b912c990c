// SPDX-License-Identifier: GPL-2.0-or-later
//
// The ways to see the inside of an image that are compared: this project's guestmount, the reference (another
// guestmount in PATH) and the host kernel's loop mount.
#pragma once

#include "tests/bench/shell.hpp"

#include <memory>
#include <optional>

namespace gm::bench {

struct MountJob {
    std::string image;
    std::string device = "/dev/sda"; // in the guest
    bool read_only = true;
    std::vector<std::string> options; // of guestmount, beside -a, -m and --ro
    bool loop_can = true;             // the host's kernel opens it
};

class Contender {
public:
    Contender(std::string name) : name_(std::move(name)) {}
    Contender(const Contender&) = delete;
    Contender& operator=(const Contender&) = delete;
    virtual ~Contender() = default;

    [[nodiscard]] const std::string& name() const { return name_; }
    [[nodiscard]] virtual bool can(const MountJob& /*job*/) const { return true; }
    // Until the mount answers; `environment` is added for this mount.
    virtual Result<Seconds> mount(const MountJob& job, const std::string& folder,
                                  const Environment& environment = {}) = 0;
    // Until the image is complete and free, whatever the contender itself waits for.
    virtual Result<Seconds> unmount(const std::string& folder) = 0;

private:
    std::string name_;
};

using Contenders = std::vector<std::unique_ptr<Contender>>;

constexpr const char* kOurs = "guestmount";
constexpr const char* kReference = "reference";
constexpr const char* kLoop = "loop mount";

std::unique_ptr<Contender> our_guestmount(const std::string& cache_folder);
std::unique_ptr<Contender> reference_guestmount(const std::string& program, const std::string& cache_folder);
std::unique_ptr<Contender> loop_mount();

} // namespace gm::bench
