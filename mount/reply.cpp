// SPDX-License-Identifier: GPL-2.0-or-later
#include "mount/reply.hpp"

namespace gm::mount {
namespace {

fuse_entry_param parameters(const Entry& entry)
{
    fuse_entry_param param{};
    if (entry.ref) { // else 0: no such name
        param.ino = static_cast<fuse_ino_t>(entry.ref->inode()->id);
    }
    param.attr = entry.attr;
    param.attr_timeout = entry.timeout;
    param.entry_timeout = entry.name_timeout;
    return param;
}

} // namespace

void send_error(fuse_req_t request, const Error& error)
{
    constexpr int kMaxErrno = 4095; // the guest may send anything; the kernel takes no more
    const bool known = error.errno_value > 0 && error.errno_value <= kMaxErrno;
    fuse_reply_err(request, !known ? EIO : error.errno_value == ECANCELED ? EINTR : error.errno_value);
}

void send(fuse_req_t request, fuse_file_info* /*file*/, Entry entry)
{
    const auto param = parameters(entry);
    if (fuse_reply_entry(request, &param) == 0 && entry.ref) {
        entry.ref->leak();
    }
}

void send(fuse_req_t request, fuse_file_info* file, Created created)
{
    const auto param = parameters(created.entry);
    if (fuse_reply_create(request, &param, file) == 0) {
        created.entry.ref->leak();
    }
}

void send(fuse_req_t request, fuse_file_info* /*file*/, const Attributes& attributes)
{
    fuse_reply_attr(request, &attributes.attr, attributes.timeout);
}

void send(fuse_req_t request, fuse_file_info* file, const Opened& /*opened*/)
{
    fuse_reply_open(request, file);
}

void send(fuse_req_t request, fuse_file_info* /*file*/, const Written& written)
{
    fuse_reply_write(request, written.count);
}

void send(fuse_req_t request, fuse_file_info* /*file*/, const LinkTarget& target)
{
    fuse_reply_readlink(request, target.text.c_str());
}

void send(fuse_req_t request, fuse_file_info* /*file*/, const XattrReply& reply)
{
    if (reply.size_only) {
        fuse_reply_xattr(request, reply.bytes.size());
    } else {
        fuse_reply_buf(request, reply.bytes.data(), reply.bytes.size());
    }
}

void send(fuse_req_t request, fuse_file_info* /*file*/, const SeekReply& reply)
{
    fuse_reply_lseek(request, reply.offset);
}

void send(fuse_req_t request, fuse_file_info* /*file*/, const IoctlReply& reply)
{
    fuse_reply_ioctl(request, 0, reply.bytes.data(), reply.bytes.size());
}

void send(fuse_req_t request, fuse_file_info* /*file*/, const cache::FileData& data)
{
    std::vector<iovec> pieces;
    for (const auto& piece : data.pieces()) {
        pieces.push_back({const_cast<std::byte*>(piece.bytes.data()), piece.bytes.size()}); // only read
    }
    fuse_reply_iov(request, pieces.data(), static_cast<int>(pieces.size()));
}

void send(fuse_req_t request, fuse_file_info* /*file*/, const struct statvfs& statistics)
{
    fuse_reply_statfs(request, &statistics);
}

void send(fuse_req_t request, fuse_file_info* /*file*/, DirBuffer buffer)
{
    if (fuse_reply_buf(request, buffer.bytes().data(), buffer.bytes().size()) == 0) {
        buffer.leak();
    }
}

} // namespace gm::mount
