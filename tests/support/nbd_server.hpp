// SPDX-License-Identifier: GPL-2.0-or-later
//
// qemu-nbd over a file of known content on a unix socket, for tests of what reads images. Killed by the destructor.
#pragma once

#include "core/base/clock.hpp"
#include "core/base/subprocess.hpp"
#include "core/base/syscall.hpp"
#include "core/base/temp_dir.hpp"
#include "core/image/nbd_image.hpp"

#include <cstring>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

namespace gm::test {

class NbdServer {
public:
    static constexpr const char* kExport = "drive0";

    explicit NbdServer(std::span<const std::byte> content)
        : folder_(TempDir::make("/tmp", "gm-nbd-").take_value()), server_(start(folder_.path(), content))
    {
    }

    // A fresh connection; the server is waited for.
    [[nodiscard]] UniqueFd connect() const
    {
        sockaddr_un address{.sun_family = AF_UNIX};
        std::strcpy(address.sun_path, (folder_.path() + "/s").c_str());
        const Deadline deadline{Millis{10'000}};
        while (true) {
            UniqueFd fd{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
            if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
                return fd;
            }
            REQUIRE_FALSE(deadline.passed());
            ::poll(nullptr, 0, 5); // it has not bound its socket yet
        }
    }

    [[nodiscard]] std::vector<image::NbdImage::Drive> drive(unsigned connections = 1) const
    {
        std::vector<image::NbdImage::Drive> drives(1);
        drives[0].export_name = kExport;
        for (unsigned i = 0; i < connections; ++i) {
            drives[0].sockets.push_back(connect());
        }
        return drives;
    }

    Subprocess& process() { return server_; }

private:
    static Subprocess start(const std::string& folder, std::span<const std::byte> content)
    {
        const std::string path = folder + "/image";
        const UniqueFd file = open_file(path, O_CREAT | O_WRONLY, 0600).take_value();
        REQUIRE(write_all(file.get(), content).ok());
        Command command;
        command.argv = {"qemu-nbd", "-r", "-f", "raw", "-x", kExport, "-e", "16", "-t", "-k", folder + "/s", path};
        return Subprocess::start(command).take_value();
    }

    TempDir folder_;
    Subprocess server_;
};

} // namespace gm::test
