// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The public face of the engine: a virtual machine that has a user's disks attached and answers calls about them.
// Its life is in the types: GuestOptions is the configuration, Guest::launch() does the launching, a Guest is ready
// until it dies or shutdown() closes it. launch() and the destructor belong to one thread that lives as long as the
// guest; everything else may be called by any thread.
#pragma once

#include "core/guest/drive.hpp"
#include "core/guest/remote_disks.hpp"
#include "core/launch/qemu_launcher.hpp"

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace gm {

struct DriveSource; // drive_source.hpp

struct GuestOptions {
    appliance::ApplianceFiles appliance;
    launch::MachineSettings settings;
    std::string cache_folder;  // for templates and remembered decisions; empty: none
    std::vector<Drive> drives; // the first is /dev/sda in the guest
    int cancel_fd = -1;        // readable while launching: give up, ECANCELED; not owned
    bool echo_console = false; // the appliance's console to standard error as it comes
    // One line that the user should see although the launch goes on; called by the launching thread. May be empty.
    std::function<void(const std::string&)> notice;
    // Called once, on a thread of the guest, when it dies by itself; must not block. May be empty.
    std::function<void(const Error&)> on_death;
};

class Guest {
public:
    // Checks the drives, starts the appliance, attaches the drives and waits until the guest has found them.
    // The error is one line that names what is wrong; ECANCELED. Nothing is left behind on failure.
    static Result<std::unique_ptr<Guest>> launch(GuestOptions options);

    Guest(const Guest&) = delete;
    Guest& operator=(const Guest&) = delete;
    ~Guest(); // ends qemu at once, without syncing

    // A call of the daemon, see rpc::Link::call(). ENOTCONN with the reason once the guest is dead or closed.
    template <typename P>
    Result<typename P::Reply> call(const typename P::Args& args, const rpc::CallOptions& options = {})
    {
        return launched_.link->call<P>(args, options);
    }
    [[nodiscard]] rpc::Link& link() { return *launched_.link; }

    // Unmounts everything in the guest, writes all of it to the images and ends qemu: afterwards the images are
    // complete and free. The error names what could not be written; qemu has ended in any case.
    Result<void> shutdown(Deadline deadline);

    enum class State { ready, dead, closed };
    [[nodiscard]] State state() const { return state_; }

    // What the appliance wrote on its console last.
    [[nodiscard]] std::string console_log() const { return launched_.qemu->console().text(); }

    struct LaunchFacts {
        launch::Accelerator accelerator = launch::Accelerator::tcg;
        bool from_template = false;
        pid_t qemu = -1;
    };
    [[nodiscard]] LaunchFacts facts() const;

    // Connected sockets to qemu's block layer (NBD, before the handshake), `count` of them; to be called once. Export
    // "disk0" is what the guest sees as the first drive, and so on. Read only. Blocks for some milliseconds.
    Result<std::vector<UniqueFd>> connect_block_exports(unsigned count);

private:
    Guest(launch::Launched launched, std::unique_ptr<RemoteDisks> remotes, GuestOptions options);

    Result<void> attach_drives(const std::vector<DriveSource>& sources);
    void end(const launch::Failure& failure);

    GuestOptions options_;
    std::atomic<State> state_{State::ready};
    std::atomic<bool> announce_death_{false};
    std::unique_ptr<RemoteDisks> remotes_; // outlives qemu
    launch::Launched launched_;
};

} // namespace gm
