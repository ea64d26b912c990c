// SPDX-License-Identifier: GPL-2.0-or-later
//
// An image as a block device of this machine, so that the daemon's own mounts can be tested without a virtual machine.
// Detached by the destructor. Needs root.
#pragma once

#include "tests/support/program.hpp"
#include "tests/support/requirements.hpp"
#include "tests/support/scratch.hpp"

#include <string>

namespace gm::test {

class LoopDevice {
public:
    explicit LoopDevice(const std::string& image, std::vector<std::string> options = {})
    {
        require_root();
        std::vector<std::string> argv{"losetup", "--find", "--show"};
        argv.insert(argv.end(), options.begin(), options.end());
        argv.push_back(image);
        path_ = must_run(argv);
        path_.pop_back(); // newline
    }
    // The partitions are read by partx: this machine's kernel need not know partition tables.
    void add_partitions() const { must_run({"partx", "--add", path_}); }
    LoopDevice(const LoopDevice&) = delete;
    LoopDevice& operator=(const LoopDevice&) = delete;
    ~LoopDevice()
    {
        static_cast<void>(run({"partx", "--delete", path_}));
        static_cast<void>(run({"losetup", "--detach", path_}));
    }

    [[nodiscard]] const std::string& path() const { return path_; }
    // "loop3"
    [[nodiscard]] std::string name() const { return path_.substr(path_.rfind('/') + 1); }

private:
    std::string path_;
};

// A new file system of a type, on a loop device.
class FreshImage {
public:
    explicit FreshImage(const std::string& type, std::vector<std::string> options = {}, const char* size = "320M")
    {
        require_root();
        must_run({"truncate", "-s", size, file()});
        std::vector<std::string> argv{"mkfs." + type, type.starts_with("ext") ? "-qF" : type == "vfat" ? "-v" : "-qf"};
        argv.insert(argv.end(), options.begin(), options.end());
        argv.push_back(file());
        must_run(argv);
    }
    [[nodiscard]] std::string file() const { return folder_ / "image"; }

private:
    Scratch folder_{"image"};
};

} // namespace gm::test
