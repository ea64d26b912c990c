// SPDX-License-Identifier: GPL-2.0-or-later
//
// Answers to the kernel, chosen by the type that an operation returns. Used by the op table only. A reply that does not
// arrive (the request was interrupted, the mount is gone) gives back the lookups that it would have carried.
#pragma once

#include "mount/filesystem.hpp"

namespace gm::mount {

void send_error(fuse_req_t request, const Error& error);
void send(fuse_req_t request, fuse_file_info* file, Entry entry);
void send(fuse_req_t request, fuse_file_info* file, Created created);
void send(fuse_req_t request, fuse_file_info* file, const Attributes& attributes);
void send(fuse_req_t request, fuse_file_info* file, const Opened& opened);
void send(fuse_req_t request, fuse_file_info* file, const Written& written);
void send(fuse_req_t request, fuse_file_info* file, const LinkTarget& target);
void send(fuse_req_t request, fuse_file_info* file, const XattrReply& reply);
void send(fuse_req_t request, fuse_file_info* file, const SeekReply& reply);
void send(fuse_req_t request, fuse_file_info* file, const IoctlReply& reply);
void send(fuse_req_t request, fuse_file_info* file, const cache::FileData& data);
void send(fuse_req_t request, fuse_file_info* file, const struct statvfs& statistics);
void send(fuse_req_t request, fuse_file_info* file, DirBuffer buffer);

} // namespace gm::mount
