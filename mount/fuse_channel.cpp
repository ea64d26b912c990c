// SPDX-License-Identifier: GPL-2.0-or-later
#include "mount/fuse_channel.hpp"

#include "mount/op_table.hpp"

#include <cstring>
#include <linux/fuse.h>
#include <sys/uio.h>
#include <unistd.h>

namespace gm::mount {
namespace {

// FUSE_HANDLE_KILLPRIV_V2: we take the set-id bits and capabilities away, so the kernel need not ask for
// security.capability before each write. A kernel that does not know it ignores it.
ssize_t write_init_answer(int device, const iovec* parts, int count, bool read_only)
{
    fuse_init_out answer{};
    iovec changed[2] = {parts[0], parts[1]};
    const bool whole = count == 2 && parts[1].iov_len >= offsetof(fuse_init_out, flags) + sizeof answer.flags &&
                       parts[1].iov_len <= sizeof answer;
    if (whole) {
        std::memcpy(&answer, parts[1].iov_base, parts[1].iov_len);
        answer.flags |= read_only ? 0U : FUSE_HANDLE_KILLPRIV_V2;
        changed[1].iov_base = &answer;
    }
    return ::writev(device, whole ? changed : parts, count);
}

ssize_t write_answer(int device, iovec* parts, int count, void* userdata)
{
    auto& context = *static_cast<SessionContext*>(userdata);
    if (!context.init_answered) {
        context.init_answered = true;
        return write_init_answer(device, parts, count, context.filesystem.read_only());
    }
    return ::writev(device, parts, count);
}

// A cancellation point: the library cancels its threads here. So it must not be noexcept.
ssize_t read_request(int device, void* buffer, std::size_t size, void* /*userdata*/)
{
    return ::read(device, buffer, size);
}

} // namespace

fuse_custom_io fuse_channel()
{
    return {.writev = write_answer, .read = read_request, .splice_receive = nullptr, .splice_send = nullptr};
}

} // namespace gm::mount
