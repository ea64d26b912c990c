// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The whole contract between the engine and guestfsd: one type a procedure, compiled into both sides. Numbers are never
// reused. Every procedure can also fail with EPROTO (malformed), ENOTCONN (the appliance is gone), ECANCELED, ETIMEDOUT
// and ENOMEM; others arrive as the guest's kernel gave them.
#pragma once

#include "core/rpc/bulk.hpp"
#include "core/rpc/table.hpp"
#include "core/rpc/types.hpp"

namespace gm::rpc {

// --- Session ------------------------------------------------------------------------------------------------------

// First call of a session: both sides must have been built from the same table.
struct Hello {
    static constexpr ProcId id{1};
    static constexpr std::string_view name = "hello";
    static constexpr auto access = Access::control;
    struct Args {
        std::uint64_t fingerprint = 0;
    };
    struct Reply {
        std::uint64_t fingerprint = 0;
        std::string build;
        std::string kernel_release;
    };
};

// After a start from a template, before anything else: sets the clock and credits fresh entropy (at least 64 bytes).
struct Wake {
    static constexpr ProcId id{2};
    static constexpr std::string_view name = "wake";
    static constexpr auto access = Access::control;
    struct Args {
        Timestamp now;
        std::string entropy;
    };
    struct Reply {};
};

// Writes all dirty data of the guest to the drives; the drives' own caches are flushed too.
struct Sync {
    static constexpr ProcId id{3};
    static constexpr std::string_view name = "sync";
    static constexpr auto access = Access::reads;
    struct Args {};
    struct Reply {};
};

// Closes all handles, forgets all nodes, unmounts everything, stops what is built on the drives and flushes. EBUSY
// names the mount that stays.
struct UnmountAll {
    static constexpr ProcId id{4};
    static constexpr std::string_view name = "unmount_all";
    static constexpr auto access = Access::control;
    struct Args {};
    struct Reply {};
};

// Random bytes of the guest's kernel (at most 256): shows that two clones of a template differ.
struct RandomBytes {
    static constexpr ProcId id{5};
    static constexpr std::string_view name = "random_bytes";
    static constexpr auto access = Access::control;
    struct Args {
        std::uint32_t count = 0;
    };
    struct Reply {
        std::string bytes;
    };
};

// Before the virtual machine is saved as a template: loads what a mount may need and boot leaves to later.
struct PrepareTemplate {
    static constexpr ProcId id{6};
    static constexpr std::string_view name = "prepare_template";
    static constexpr auto access = Access::control;
    struct Args {};
    struct Reply {};
};

// Runs calls in their order, each whatever became of the one before: frames one behind the other, numbered from 0 as
// requests, answered by as many frames of replies and errors. None about the session; EMSGSIZE instead of a reply that
// does not fit any more. See CallSequence.
struct RunSequence {
    static constexpr ProcId id{7};
    static constexpr std::string_view name = "run_sequence";
    static constexpr auto access = Access::control;
    struct Args {
        Bulk calls;
    };
    struct Reply {
        Bulk answers;
    };
};

// --- Block devices and mounts -------------------------------------------------------------------------------------

// Waits until the drives with the serials gm-disk-0 ... gm-disk-(count-1) and their partitions are there. ETIMEDOUT
// names the first missing one.
struct WaitForDisks {
    static constexpr ProcId id{10};
    static constexpr std::string_view name = "wait_for_disks";
    static constexpr auto access = Access::control;
    struct Args {
        std::uint32_t count = 0;
        std::uint32_t timeout_ms = 0;
    };
    struct Reply {};
};

struct ListBlockDevices {
    static constexpr ProcId id{11};
    static constexpr std::string_view name = "list_block_devices";
    static constexpr auto access = Access::control;
    struct Args {};
    struct Reply {
        std::vector<BlockDevice> devices;
    };
};

// Everything on the drives that libblkid recognises, in the order of the devices. `with_usage` mounts each for a
// moment, read-only, and lists the subvolumes of btrfs behind the device as btrfsvol:DEVICE/PATH.
struct ListFilesystems {
    static constexpr ProcId id{12};
    static constexpr std::string_view name = "list_filesystems";
    static constexpr auto access = Access::control;
    struct Args {
        bool with_usage = false;
    };
    struct Reply {
        std::vector<FilesystemInfo> filesystems;
    };
};

// Mounts `device` at `mountpoint` (absolute, in the guest tree). An empty type is detected. `read_only` never changes
// the device, not even by journal replay. A device that is none of the drives' is looked for in RAIDs and volume
// groups; an encrypted one that was opened means its content. ENOENT: no such device or mountpoint; the text says
// which. ENOKEY: it is encrypted. EALREADY: with `make_folder`, the same file system is mounted by another device.
struct MountFilesystem {
    static constexpr ProcId id{13};
    static constexpr std::string_view name = "mount_filesystem";
    static constexpr auto access = Access::control;
    struct Args {
        std::string device;
        std::string mountpoint;
        std::string options;
        std::string type;
        bool read_only = true;
        bool make_folder = false;
    };
    struct Reply {
        std::string note; // a whole sentence on why it is read-only although it was to be writable, or nothing
    };
};

// Starts what is built on the drives, RAIDs and volume groups in any depth, as far as encryption does not hide it, and
// tells which volumes are encrypted. `problems`: whole sentences about what could not be started; not an error, as long
// as nobody needs it. With `read_only` no RAID is rebuilt.
struct ActivateVolumes {
    static constexpr ProcId id{14};
    static constexpr std::string_view name = "activate_volumes";
    static constexpr auto access = Access::control;
    struct Args {
        bool read_only = true;
    };
    struct Reply {
        std::vector<EncryptedVolume> encrypted;
        std::vector<std::string> problems;
    };
};

// Opens an encrypted volume with one key, any bytes; what it holds is then the device `opened`. EKEYREJECTED: not the
// key; ENOENT; EINVAL: not encrypted. Takes seconds: that is what the key derivation is for. With `is_volume_key` the
// key is what a keyslot holds; then it takes none, and the key must be the right one: nothing checks it.
struct OpenEncrypted {
    static constexpr ProcId id{15};
    static constexpr std::string_view name = "open_encrypted";
    static constexpr auto access = Access::control;
    static constexpr bool secret = true;
    struct Args {
        std::string device;
        bool is_volume_key = false;
        Bulk key;
    };
    struct Reply {
        std::string opened;
    };
};

// One of the keyslots of a LUKS volume, `index` below `count`, the preferred ones first; `area` as it is on the disk.
// EOPNOTSUPP: not LUKS, or a header whose volume only cryptsetup(8) opens; ENOENT: no such volume or keyslot.
struct ReadKeyslot {
    static constexpr ProcId id{17};
    static constexpr std::string_view name = "read_keyslot";
    static constexpr auto access = Access::control;
    struct Args {
        std::string device;
        std::uint32_t index = 0;
    };
    struct Reply {
        std::uint32_t count = 0;
        Keyslot keyslot;
        Bulk area;
    };
};

// Finds the operating systems on the drives by the files in them, read-only and without running anything. What RAIDs,
// volume groups and encryption hide must have been started and opened before. At most 64 systems.
struct Inspect {
    static constexpr ProcId id{16};
    static constexpr std::string_view name = "inspect";
    static constexpr auto access = Access::control;
    struct Args {};
    struct Reply {
        std::vector<OperatingSystem> systems;
    };
};

// --- Names --------------------------------------------------------------------------------------------------------

// `node` is NodeId::none unless the object is a folder or `bind` was set: other objects stay named by their parent.
struct Lookup {
    static constexpr ProcId id{20};
    static constexpr std::string_view name = "lookup";
    static constexpr auto access = Access::reads;
    struct Args {
        NodeId parent = NodeId::none;
        std::string leaf;
        bool bind = false;
    };
    struct Reply {
        NodeId node = NodeId::none;
        Attr attr;
        std::optional<std::string> link_target;
    };
};

struct NodeCount {
    NodeId node = NodeId::none;
    std::uint64_t count = 0;
};

// Gives back references: every reply that carried a node added one to it.
struct Forget {
    static constexpr ProcId id{21};
    static constexpr std::string_view name = "forget";
    static constexpr auto access = Access::reads;
    struct Args {
        std::vector<NodeCount> nodes;
    };
    struct Reply {};
};

// A page of a folder from `offset` (0, or a next_offset) on: entries for about `max_bytes` of reply. `folder` is the
// folder's own node, one reference added; it must be set when the target was named by its parent.
struct ReadDir {
    static constexpr ProcId id{22};
    static constexpr std::string_view name = "read_dir";
    static constexpr auto access = Access::reads;
    struct Args {
        Target folder;
        std::uint64_t offset = 0;
        std::uint32_t max_bytes = 0;
        bool with_attrs = false;
    };
    struct Reply {
        NodeId folder = NodeId::none;
        std::vector<DirEntry> entries;
        bool end = false;
    };
};

struct ReadLink {
    static constexpr ProcId id{23};
    static constexpr std::string_view name = "read_link";
    static constexpr auto access = Access::reads;
    struct Args {
        Target target;
    };
    struct Reply {
        std::string link_target;
    };
};

struct MakeDir {
    static constexpr ProcId id{24};
    static constexpr std::string_view name = "make_dir";
    static constexpr auto access = Access::writes;
    struct Args {
        NodeId parent = NodeId::none;
        std::string leaf;
        std::uint32_t mode = 0;
        Caller caller;
    };
    struct Reply {
        NodeId node = NodeId::none;
        Attr attr;
        bool exact_names = false; // it finds names of ASCII by their very bytes only
    };
};

struct MakeNode {
    static constexpr ProcId id{25};
    static constexpr std::string_view name = "make_node";
    static constexpr auto access = Access::writes;
    struct Args {
        NodeId parent = NodeId::none;
        std::string leaf;
        std::uint32_t mode = 0;
        std::uint32_t rdev_major = 0;
        std::uint32_t rdev_minor = 0;
        Caller caller;
    };
    struct Reply {
        Attr attr;
    };
};

struct MakeSymlink {
    static constexpr ProcId id{26};
    static constexpr std::string_view name = "make_symlink";
    static constexpr auto access = Access::writes;
    struct Args {
        NodeId parent = NodeId::none;
        std::string leaf;
        std::string link_target;
        Caller caller;
    };
    struct Reply {
        Attr attr;
    };
};

struct MakeLink {
    static constexpr ProcId id{27};
    static constexpr std::string_view name = "make_link";
    static constexpr auto access = Access::writes;
    struct Args {
        Target target;
        NodeId parent = NodeId::none;
        std::string leaf;
    };
    struct Reply {
        Attr attr;
    };
};

// Removes a name (a folder's with `folder`); `attr` is the object's state afterwards. `node` is the object, one
// reference added: when it has other names, when it is a folder, or when the host asks by `keep` to have it without a
// name. Else its space is free at once.
struct RemoveName {
    static constexpr ProcId id{28};
    static constexpr std::string_view name = "remove_name";
    static constexpr auto access = Access::writes;
    struct Args {
        NodeId parent = NodeId::none;
        std::string leaf;
        bool folder = false;
        bool keep = true;
    };
    struct Reply {
        NodeId node = NodeId::none; // none: not kept
        Attr attr;
    };
};

// renameat2(2) with its flags. `node` is the moved object; `replaced` is what had the new name before (or was exchanged
// for it); each with one reference added.
struct Rename {
    static constexpr ProcId id{29};
    static constexpr std::string_view name = "rename";
    static constexpr auto access = Access::writes;
    struct Args {
        NodeId parent = NodeId::none;
        std::string leaf;
        NodeId new_parent = NodeId::none;
        std::string new_leaf;
        std::uint32_t flags = 0;
    };
    struct Reply {
        NodeId node = NodeId::none;
        Attr attr;
        NodeId replaced = NodeId::none;
        std::optional<Attr> replaced_attr;
    };
};

// --- Attributes ---------------------------------------------------------------------------------------------------

// Through `handle` when there is one (an unlinked file has no other name).
struct GetAttr {
    static constexpr ProcId id{40};
    static constexpr std::string_view name = "get_attr";
    static constexpr auto access = Access::reads;
    struct Args {
        Target target;
        HandleId handle = HandleId::none;
    };
    struct Reply {
        Attr attr;
    };
};

struct SetAttr {
    static constexpr ProcId id{41};
    static constexpr std::string_view name = "set_attr";
    static constexpr auto access = Access::writes;
    struct Args {
        Target target;
        HandleId handle = HandleId::none;
        std::optional<std::uint32_t> mode;
        std::optional<std::uint32_t> uid;
        std::optional<std::uint32_t> gid;
        std::optional<std::uint64_t> size;
        std::optional<NewTime> atime;
        std::optional<NewTime> mtime;
    };
    struct Reply {
        Attr attr;
    };
};

struct StatFs {
    static constexpr ProcId id{42};
    static constexpr std::string_view name = "stat_fs";
    static constexpr auto access = Access::reads;
    struct Args {
        Target target;
    };
    struct Reply {
        std::uint64_t block_size = 0;
        std::uint64_t fragment_size = 0;
        std::uint64_t blocks = 0; // of fragment_size, as are the next two
        std::uint64_t blocks_free = 0;
        std::uint64_t blocks_available = 0;
        std::uint64_t files = 0;
        std::uint64_t files_free = 0;
        std::uint32_t name_max = 0;
    };
};

// All extended attributes of several objects at once; nothing for an object that cannot be read. What is not in the
// list does not exist, but for names of the system. class other than the POSIX ACLs: ask GetXattr for those.
struct ReadXattrs {
    static constexpr ProcId id{43};
    static constexpr std::string_view name = "read_xattrs";
    static constexpr auto access = Access::reads;
    struct Args {
        std::vector<Target> targets;
    };
    struct Reply {
        std::vector<std::optional<std::vector<Xattr>>> objects;
    };
};

struct GetXattr {
    static constexpr ProcId id{44};
    static constexpr std::string_view name = "get_xattr";
    static constexpr auto access = Access::reads;
    struct Args {
        Target target;
        std::string attribute;
    };
    struct Reply {
        std::string value;
    };
};

// `flags` as setxattr(2): XATTR_CREATE, XATTR_REPLACE.
struct SetXattr {
    static constexpr ProcId id{45};
    static constexpr std::string_view name = "set_xattr";
    static constexpr auto access = Access::writes;
    struct Args {
        Target target;
        std::string attribute;
        std::string value;
        std::uint32_t flags = 0;
    };
    struct Reply {};
};

struct RemoveXattr {
    static constexpr ProcId id{46};
    static constexpr std::string_view name = "remove_xattr";
    static constexpr auto access = Access::writes;
    struct Args {
        Target target;
        std::string attribute;
    };
    struct Reply {};
};

// FS_IOC_GETFLAGS, ioctl_iflags(2).
struct GetInodeFlags {
    static constexpr ProcId id{47};
    static constexpr std::string_view name = "get_inode_flags";
    static constexpr auto access = Access::reads;
    struct Args {
        Target target;
    };
    struct Reply {
        std::uint32_t flags = 0;
    };
};

struct SetInodeFlags {
    static constexpr ProcId id{48};
    static constexpr std::string_view name = "set_inode_flags";
    static constexpr auto access = Access::writes;
    struct Args {
        Target target;
        std::uint32_t flags = 0;
    };
    struct Reply {};
};

// --- Open files ---------------------------------------------------------------------------------------------------

// `flags` as open(2); O_CREAT, O_EXCL and O_NOCTTY are refused. Only regular files and folders can be opened.
struct Open {
    static constexpr ProcId id{60};
    static constexpr std::string_view name = "open";
    static constexpr auto access = Access::reads;
    struct Args {
        Target target;
        std::uint32_t flags = 0;
    };
    struct Reply {
        HandleId handle = HandleId::none;
        Attr attr;
    };
};

// Creates a regular file and opens it. EEXIST when the name is taken and `flags` has O_EXCL.
struct Create {
    static constexpr ProcId id{61};
    static constexpr std::string_view name = "create";
    static constexpr auto access = Access::writes;
    struct Args {
        NodeId parent = NodeId::none;
        std::string leaf;
        std::uint32_t mode = 0;
        std::uint32_t flags = 0;
        Caller caller;
    };
    struct Reply {
        HandleId handle = HandleId::none;
        Attr attr;
        bool no_xattrs = false; // it has no extended attributes
    };
};

struct Release {
    static constexpr ProcId id{62};
    static constexpr std::string_view name = "release";
    static constexpr auto access = Access::reads;
    struct Args {
        std::vector<HandleId> handles;
    };
    struct Reply {};
};

// Fewer bytes than asked for only at the end of the file.
struct Read {
    static constexpr ProcId id{63};
    static constexpr std::string_view name = "read";
    static constexpr auto access = Access::reads;
    struct Args {
        HandleId handle = HandleId::none;
        std::uint64_t offset = 0;
        std::uint32_t size = 0;
    };
    struct Reply {
        Bulk data;
    };
};

// All of it, or the error of what could not be written.
struct Write {
    static constexpr ProcId id{64};
    static constexpr std::string_view name = "write";
    static constexpr auto access = Access::writes;
    struct Args {
        HandleId handle = HandleId::none;
        std::uint64_t offset = 0;
        Bulk data;
    };
    struct Reply {
        std::uint32_t written = 0;
    };
};

// Through `handle`, or on the target when it is none (a folder). Returns when the data is in the image.
struct Fsync {
    static constexpr ProcId id{65};
    static constexpr std::string_view name = "fsync";
    static constexpr auto access = Access::reads;
    struct Args {
        HandleId handle = HandleId::none;
        Target target;
        bool data_only = false;
    };
    struct Reply {};
};

struct Fallocate {
    static constexpr ProcId id{66};
    static constexpr std::string_view name = "fallocate";
    static constexpr auto access = Access::writes;
    struct Args {
        HandleId handle = HandleId::none;
        std::uint32_t mode = 0;
        std::uint64_t offset = 0;
        std::uint64_t length = 0;
    };
    struct Reply {
        Attr attr;
    };
};

// SEEK_DATA or SEEK_HOLE of lseek(2).
struct Seek {
    static constexpr ProcId id{67};
    static constexpr std::string_view name = "seek";
    static constexpr auto access = Access::reads;
    struct Args {
        HandleId handle = HandleId::none;
        std::int64_t offset = 0;
        std::uint32_t whence = 0;
    };
    struct Reply {
        std::uint64_t offset = 0;
    };
};

struct CopyFileRange {
    static constexpr ProcId id{68};
    static constexpr std::string_view name = "copy_file_range";
    static constexpr auto access = Access::writes;
    struct Args {
        HandleId source = HandleId::none;
        std::uint64_t source_offset = 0;
        HandleId sink = HandleId::none;
        std::uint64_t sink_offset = 0;
        std::uint64_t length = 0;
    };
    struct Reply {
        std::uint64_t copied = 0;
    };
};

// FITRIM of the file system that holds the target.
struct Trim {
    static constexpr ProcId id{69};
    static constexpr std::string_view name = "trim";
    static constexpr auto access = Access::writes;
    struct Args {
        Target target;
        std::uint64_t start = 0;
        std::uint64_t length = 0;
        std::uint64_t minimum = 0;
    };
    struct Reply {
        std::uint64_t trimmed = 0;
    };
};

// --- Bulk reading -------------------------------------------------------------------------------------------------

// Where the data of regular files lies on the drives; nothing for a file that must be read through the guest.
struct MapExtents {
    static constexpr ProcId id{80};
    static constexpr std::string_view name = "map_extents";
    static constexpr auto access = Access::reads;
    struct Args {
        std::vector<Target> files;
    };
    struct Reply {
        std::vector<std::optional<FileExtents>> files;
    };
};

// The whole content of several small files, one after the other in `data`; an empty size for a file that cannot be
// read or does not fit into what is left of `max_bytes`.
struct ReadFiles {
    static constexpr ProcId id{81};
    static constexpr std::string_view name = "read_files";
    static constexpr auto access = Access::reads;
    struct Args {
        std::vector<Target> files;
        std::uint32_t max_bytes = 0;
    };
    struct Reply {
        std::vector<std::optional<std::uint32_t>> sizes;
        Bulk data;
    };
};

using Procedures =
    Table<Hello, Wake, Sync, UnmountAll, RandomBytes, PrepareTemplate, RunSequence, WaitForDisks, ListBlockDevices,
          ListFilesystems, MountFilesystem, ActivateVolumes, OpenEncrypted, ReadKeyslot, Inspect, Lookup, Forget,
          ReadDir, ReadLink, MakeDir, MakeNode, MakeSymlink, MakeLink, RemoveName, Rename, GetAttr, SetAttr, StatFs,
          ReadXattrs, GetXattr, SetXattr, RemoveXattr, GetInodeFlags, SetInodeFlags, Open, Create, Release, Read, Write,
          Fsync, Fallocate, Seek, CopyFileRange, Trim, MapExtents, ReadFiles>;
static_assert(Procedures::ids_are_unique());

} // namespace gm::rpc
