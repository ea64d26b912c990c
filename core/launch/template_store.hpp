// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Templates: virtual machines saved when their daemon had just answered, as a memory file and a device state, from
// which later launches start. They lie below a cache folder, named by a key over everything that shapes the machine. A
// template is there whole (written aside, synced, renamed) or not at all; what was changed or cut since is not used.
// One thread uses a store at a time; processes exclude each other by the lock.
#pragma once

#include "core/base/clock.hpp"
#include "core/base/error.hpp"
#include "core/base/unique_fd.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <sys/types.h>

namespace gm::launch {

// Open files of a whole template: they stay what they are, whatever happens to their names.
struct Template {
    UniqueFd ram;             // to be mapped privately
    UniqueFd state;           // at its beginning
    std::string qemu_version; // that made it, as its monitor says
    ino_t folder_inode = 0;   // tells it from a later one with the same key
};

class TemplateStore {
public:
    // `cache` is a folder of ours; `key` a file name.
    TemplateStore(std::string cache, std::string key);

    // A whole template with our key. Checks sizes and times of both files and the checksum of the device state; what
    // does not pass is removed.
    std::optional<Template> find() const;

    // Removes this template, but not a newer one that took its place.
    void drop(const Template& broken) const;

    // The right to make templates, for as long as the descriptor is open. ETIMEDOUT when another process keeps it;
    // ECANCELED when `cancel_fd` becomes readable.
    Result<UniqueFd> lock(Millis patience, int cancel_fd) const;

    // Stores what qemu left in two files in memory. Needs the lock. ENOSPC and the like leave nothing behind.
    Result<void> save(const UniqueFd& ram, const UniqueFd& state, const std::string& qemu_version) const;

    // Templates do not work for this key on this boot of the host: do not make another.
    void give_up(const std::string& boot_id) const;
    [[nodiscard]] bool given_up(const std::string& boot_id) const;

private:
    [[nodiscard]] std::string path(const std::string& name) const { return folder_ + '/' + name; }
    Result<void> make_folder() const;
    void remove_stale() const;

    std::string folder_;
    std::string key_;
};

} // namespace gm::launch
