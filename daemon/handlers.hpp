// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What guestfsd answers: one overload for each procedure of the table, spread over files by concern. One object serves
// one guest tree; any number of worker threads call it at once (each after prepare_worker_thread()). Everything is done
// relative to descriptors below the root folder and without following links, so no name can lead out of the guest.
#pragma once

#include "core/base/error.hpp"
#include "core/rpc/call_context.hpp"
#include "core/rpc/procedures.hpp"
#include "daemon/attr.hpp"
#include "daemon/devices.hpp"
#include "daemon/extent_sources.hpp"
#include "daemon/folder_read_ahead.hpp"
#include "daemon/handle_table.hpp"
#include "daemon/mounts.hpp"
#include "daemon/node_table.hpp"
#include "daemon/unsaved_files.hpp"
#include "daemon/volumes.hpp"

#include <memory>
#include <string>
#include <vector>

namespace gm::daemon {

struct HandlersOptions {
    std::string root; // folder that is the guest's root; file systems are mounted on it
    // Kernel names ("loop0") of the drives in their order, for a life outside a virtual machine; there, the drives tell
    // their numbers themselves.
    std::vector<std::string> drives;
    bool appliance = false; // the machine and its devices are there for nothing else
};

class Handlers {
public:
    static Result<std::unique_ptr<Handlers>> open(HandlersOptions options);

    // Whether everything that is mounted is mounted read-only.
    [[nodiscard]] bool read_only() const { return mounts_.all_read_only(); }

    template <typename P>
    using Answer = Result<typename P::Reply>;

    // session.cpp
    Answer<rpc::Hello> on(rpc::Hello, const rpc::Hello::Args&, rpc::CallContext&);
    Answer<rpc::Wake> on(rpc::Wake, const rpc::Wake::Args&, rpc::CallContext&);
    Answer<rpc::Sync> on(rpc::Sync, const rpc::Sync::Args&, rpc::CallContext&);
    Answer<rpc::UnmountAll> on(rpc::UnmountAll, const rpc::UnmountAll::Args&, rpc::CallContext&);
    Answer<rpc::RandomBytes> on(rpc::RandomBytes, const rpc::RandomBytes::Args&, rpc::CallContext&);
    Answer<rpc::PrepareTemplate> on(rpc::PrepareTemplate, const rpc::PrepareTemplate::Args&, rpc::CallContext&);
    Answer<rpc::WaitForDisks> on(rpc::WaitForDisks, const rpc::WaitForDisks::Args&, rpc::CallContext&);
    Answer<rpc::ListBlockDevices> on(rpc::ListBlockDevices, const rpc::ListBlockDevices::Args&, rpc::CallContext&);
    Answer<rpc::ListFilesystems> on(rpc::ListFilesystems, const rpc::ListFilesystems::Args&, rpc::CallContext&);
    Answer<rpc::ActivateVolumes> on(rpc::ActivateVolumes, const rpc::ActivateVolumes::Args&, rpc::CallContext&);
    Answer<rpc::OpenEncrypted> on(rpc::OpenEncrypted, const rpc::OpenEncrypted::Args&, rpc::CallContext&);
    Answer<rpc::ReadKeyslot> on(rpc::ReadKeyslot, const rpc::ReadKeyslot::Args&, rpc::CallContext&);
    Answer<rpc::Inspect> on(rpc::Inspect, const rpc::Inspect::Args&, rpc::CallContext&);
    Answer<rpc::MountFilesystem> on(rpc::MountFilesystem, const rpc::MountFilesystem::Args&, rpc::CallContext&);

    // names.cpp
    Answer<rpc::Lookup> on(rpc::Lookup, const rpc::Lookup::Args&, rpc::CallContext&);
    Answer<rpc::Forget> on(rpc::Forget, const rpc::Forget::Args&, rpc::CallContext&);
    Answer<rpc::ReadLink> on(rpc::ReadLink, const rpc::ReadLink::Args&, rpc::CallContext&);
    Answer<rpc::MakeDir> on(rpc::MakeDir, const rpc::MakeDir::Args&, rpc::CallContext&);
    Answer<rpc::MakeNode> on(rpc::MakeNode, const rpc::MakeNode::Args&, rpc::CallContext&);
    Answer<rpc::MakeSymlink> on(rpc::MakeSymlink, const rpc::MakeSymlink::Args&, rpc::CallContext&);
    Answer<rpc::MakeLink> on(rpc::MakeLink, const rpc::MakeLink::Args&, rpc::CallContext&);
    Answer<rpc::RemoveName> on(rpc::RemoveName, const rpc::RemoveName::Args&, rpc::CallContext&);
    Answer<rpc::Rename> on(rpc::Rename, const rpc::Rename::Args&, rpc::CallContext&);

    // dirs.cpp
    Answer<rpc::ReadDir> on(rpc::ReadDir, const rpc::ReadDir::Args&, rpc::CallContext&);

    // attrs.cpp
    Answer<rpc::GetAttr> on(rpc::GetAttr, const rpc::GetAttr::Args&, rpc::CallContext&);
    Answer<rpc::SetAttr> on(rpc::SetAttr, const rpc::SetAttr::Args&, rpc::CallContext&);
    Answer<rpc::StatFs> on(rpc::StatFs, const rpc::StatFs::Args&, rpc::CallContext&);
    Answer<rpc::GetInodeFlags> on(rpc::GetInodeFlags, const rpc::GetInodeFlags::Args&, rpc::CallContext&);
    Answer<rpc::SetInodeFlags> on(rpc::SetInodeFlags, const rpc::SetInodeFlags::Args&, rpc::CallContext&);

    // xattrs.cpp
    Answer<rpc::ReadXattrs> on(rpc::ReadXattrs, const rpc::ReadXattrs::Args&, rpc::CallContext&);
    Answer<rpc::GetXattr> on(rpc::GetXattr, const rpc::GetXattr::Args&, rpc::CallContext&);
    Answer<rpc::SetXattr> on(rpc::SetXattr, const rpc::SetXattr::Args&, rpc::CallContext&);
    Answer<rpc::RemoveXattr> on(rpc::RemoveXattr, const rpc::RemoveXattr::Args&, rpc::CallContext&);

    // files.cpp
    Answer<rpc::Open> on(rpc::Open, const rpc::Open::Args&, rpc::CallContext&);
    Answer<rpc::Create> on(rpc::Create, const rpc::Create::Args&, rpc::CallContext&);
    Answer<rpc::Release> on(rpc::Release, const rpc::Release::Args&, rpc::CallContext&);
    Answer<rpc::Read> on(rpc::Read, const rpc::Read::Args&, rpc::CallContext&);
    Answer<rpc::Write> on(rpc::Write, const rpc::Write::Args&, rpc::CallContext&);
    Answer<rpc::Fsync> on(rpc::Fsync, const rpc::Fsync::Args&, rpc::CallContext&);
    Answer<rpc::Fallocate> on(rpc::Fallocate, const rpc::Fallocate::Args&, rpc::CallContext&);
    Answer<rpc::Seek> on(rpc::Seek, const rpc::Seek::Args&, rpc::CallContext&);
    Answer<rpc::CopyFileRange> on(rpc::CopyFileRange, const rpc::CopyFileRange::Args&, rpc::CallContext&);
    Answer<rpc::Trim> on(rpc::Trim, const rpc::Trim::Args&, rpc::CallContext&);
    Answer<rpc::ReadFiles> on(rpc::ReadFiles, const rpc::ReadFiles::Args&, rpc::CallContext&);

    // extents.cpp
    Answer<rpc::MapExtents> on(rpc::MapExtents, const rpc::MapExtents::Args&, rpc::CallContext&);

    [[nodiscard]] std::size_t node_count() const { return nodes_.size(); }

private:
    // An object as system calls take it: a name below a descriptor, or "" and the descriptor itself.
    struct Place {
        NodeRef node;
        const char* leaf = ""; // borrowed from the arguments

        [[nodiscard]] int fd() const { return node->fd.get(); }
        [[nodiscard]] bool is_node() const { return *leaf == '\0'; }
    };
    // A descriptor of the object itself; `own` is empty when it is a node's.
    struct Pinned {
        NodeRef node;
        UniqueFd own;

        [[nodiscard]] int fd() const { return own.valid() ? own.get() : node->fd.get(); }
    };

    explicit Handlers(HandlersOptions options);

    // handlers.cpp
    Result<void> reopen_root();
    Result<Place> place(rpc::NodeId node, const std::string& leaf) const;
    Result<Place> place(const rpc::Target& target) const { return place(target.node, target.leaf); }
    // As place(), but there must be a name.
    Result<Place> name_in(rpc::NodeId parent, const std::string& leaf) const;
    Result<Pinned> pin(const Place& place) const;
    // Opens for input and output, without following a link or waiting for the other end of a pipe.
    Result<UniqueFd> open_object(const Place& place, int flags) const;
    // The same for a regular file or a folder; anything else is refused (EOPNOTSUPP; a link ELOOP).
    Result<UniqueFd> open_plain(const Place& place, int flags) const;
    rpc::Attr attr_of(const struct statx& status);
    Result<rpc::Attr> attr_at(int fd, const char* leaf = "");
    // Makes an O_PATH descriptor a node, one reference added.
    rpc::NodeId bind(UniqueFd fd, const struct statx& status);

    HandlersOptions options_;
    FilesystemNumbers filesystems_;
    NodeTable nodes_;
    HandleTable handles_;
    UnsavedFiles unsaved_;
    Devices devices_;
    Volumes volumes_;
    Mounts mounts_;
    ExtentSources extent_sources_;
    FolderReadAhead folders_ahead_;
};

} // namespace gm::daemon
