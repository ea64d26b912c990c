// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What a Drive stands for, found out and checked before qemu is asked: so that a missing or unreadable image is named
// in one clear line. Opening blocks; any thread.
#pragma once

#include "core/base/error.hpp"
#include "core/guest/drive.hpp"

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

namespace gm {

class RemoteDisks;

// How qemu reads and writes a file: an option of its protocol node. io_uring answers what the page cache holds at once,
// where qemu's own way ("threads") takes two switches of threads.
constexpr const char* kAio = "aio";
constexpr const char* kIoUring = "io_uring";

struct DriveSource {
    std::string shown;       // as the user wrote it, for messages
    nlohmann::json protocol; // options of qemu's protocol node, without node-name and read-only
    std::string format;      // never empty
    bool read_only = false;
    std::optional<unsigned> block_size;
    std::optional<std::uint64_t> size; // of the virtual disk in bytes, where it is known without asking qemu

    // The error names the drive and says what is wrong with it. `remotes` reaches what is not on this machine, and must
    // outlive the use of the source.
    static Result<DriveSource> open(const Drive& drive, RemoteDisks& remotes);
    // As much of open() as costs no connection.
    static Result<void> check(const Drive& drive);
};

} // namespace gm
