// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Writes an initramfs: a cpio archive in the kernel's "newc" format, uncompressed, because the guest's emulated CPU
// would take longer to unpack it than the host to read it. One thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace gm::appliance {

class CpioArchive {
public:
    void add_folder(std::string_view path) { add(path, 0040755, 0, 0, {}); }
    void add_file(std::string_view path, std::uint32_t permissions, std::string_view content)
    {
        add(path, 0100000 | permissions, 0, 0, content);
    }
    void add_character_device(std::string_view path, std::uint32_t major, std::uint32_t minor)
    {
        add(path, 0020600, major, minor, {});
    }

    // The whole archive. Nothing may be added afterwards.
    std::string finish() &&;

private:
    void add(std::string_view path, std::uint32_t mode, std::uint32_t major, std::uint32_t minor,
             std::string_view content);

    std::string bytes_;
    std::uint32_t next_inode_ = 1;
};

} // namespace gm::appliance
