// SPDX-License-Identifier: GPL-2.0-or-later
#include "mount/fuse_mount.hpp"

#include "core/base/subprocess.hpp"
#include "core/base/syscall.hpp"

#include <algorithm>
#include <cstring>
#include <poll.h>
#include <sys/socket.h>

namespace gm::mount {
namespace {

constexpr const char* kProgram = "fusermount3";
constexpr std::chrono::seconds kLimit{30}; // it waits for nothing but the kernel

// Its first complaint without its own name, on one line.
std::string first_line(std::string text)
{
    text.resize(std::min(text.find('\n'), text.size()));
    const auto prefix = std::string(kProgram) + ": ";
    return text.starts_with(prefix) ? text.substr(prefix.size()) : text;
}

Result<UniqueFd> receive_descriptor(int socket)
{
    char byte = 0;
    iovec part{.iov_base = &byte, .iov_len = 1};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    GM_TRY(sys([&] { return ::recvmsg(socket, &message, MSG_CMSG_CLOEXEC); }, "recvmsg"));
    const cmsghdr* header = CMSG_FIRSTHDR(&message);
    if (header == nullptr || header->cmsg_type != SCM_RIGHTS) {
        return make_error(EIO, "{} gave no descriptor", kProgram);
    }
    int descriptor = -1;
    std::memcpy(&descriptor, CMSG_DATA(header), sizeof descriptor);
    return UniqueFd(descriptor);
}

} // namespace

Result<FuseMount> FuseMount::make(const std::string& mountpoint, const std::string& options)
{
    constexpr int kTheirSocket = 3;
    auto sockets = GM_TRY(make_socket_pair());
    auto complaints = GM_TRY(make_pipe());
    Command command;
    command.argv = {kProgram, "-o", options, "--", mountpoint};
    command.inherited = {{sockets.second.get(), kTheirSocket}};
    command.extra_environment = {fmt::format("_FUSE_COMMFD={}", kTheirSocket)};
    command.standard_error = complaints.write_end.get();
    auto child = GM_TRY(Subprocess::start(command));
    sockets.second.reset();
    complaints.write_end.reset();
    const auto status = child.wait(kLimit);
    if (!status) {
        return make_error(ETIMEDOUT, "{} did not end", kProgram);
    }
    if (!status->success()) {
        std::string text(1024, '\0');
        const auto size = retry([&] { return ::read(complaints.read_end.get(), text.data(), text.size()); });
        text.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
        return make_error(EPERM, "cannot mount on '{}': {}", mountpoint,
                          text.empty() ? status->text() : first_line(std::move(text)));
    }
    auto device = GM_TRY(receive_descriptor(sockets.first.get()));
    return FuseMount(mountpoint, std::move(device));
}

FuseMount::~FuseMount()
{
    if (device_.valid() && attached()) {
        static_cast<void>(unmount(mountpoint_, Unmount::lazily).ok()); // nobody to tell
    }
}

bool FuseMount::attached() const
{
    pollfd state{.fd = device_.get(), .events = 0, .revents = 0};
    return ::poll(&state, 1, 0) == 0 || (state.revents & POLLERR) == 0;
}

Result<void> unmount(const std::string& mountpoint, Unmount how)
{
    std::vector<std::string> argv{kProgram, "-u"};
    if (how == Unmount::lazily) {
        argv.emplace_back("-z");
    }
    argv.insert(argv.end(), {"--", mountpoint});
    const auto run = GM_TRY(run_captured(std::move(argv), kLimit));
    if (run.status.success()) {
        return {};
    }
    const auto text = first_line(run.error_output);
    return make_error(text.find("busy") != std::string::npos ? EBUSY : EINVAL, "{}",
                      text.empty() ? run.status.text() : text);
}

} // namespace gm::mount
