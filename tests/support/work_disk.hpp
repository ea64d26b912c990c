// SPDX-License-Identifier: GPL-2.0-or-later
//
// A new disk with one file system, mounted --rw for a workload, and the proof afterwards that the disk holds what the
// mount showed. One thread.
#pragma once

#include "tests/support/guest_mount.hpp"
#include "tests/support/loop_mount.hpp"
#include "tests/support/scratch.hpp"

#include <optional>
#include <string>
#include <vector>

namespace gm::test {

class WorkDisk {
public:
    // `type`: ext4, xfs or btrfs. `options`: more for guestmount.
    explicit WorkDisk(const std::string& type, const std::vector<std::string>& options = {});

    [[nodiscard]] GuestMount& mount() { return *mount_; }
    [[nodiscard]] const std::string& image() const { return image_; }
    [[nodiscard]] const Scratch& files() const { return folder_; }

    // Unmounts; the file system must be sound, and a loop mount must show the tree that the mount showed last.
    void verify();
    // The file system must be sound, as its checker sees it without repairing anything.
    void check_soundness() const;

    // After qemu or guestmount was killed: takes the dead mount away.
    void abandon();
    // Recovers from the journal, as fsck does at boot (xfs and btrfs: as mounting does); the file system must be sound
    // then. Opens the loop mount.
    void recover();

    // The loop mount that verify() or recover() made.
    [[nodiscard]] const LoopMount& loop() const { return *loop_; }

private:
    Scratch folder_{"work"};
    std::string type_;
    std::string image_;
    std::optional<GuestMount> mount_;
    std::optional<LoopMount> loop_;
};

} // namespace gm::test
