// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The values that procedures carry. A type with a member `bool valid() const` is checked by the decoder on arrival:
// both sides take the other's bytes as hostile.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <sys/stat.h>
#include <vector>

namespace gm::rpc {

// An object that the daemon holds by an O_PATH descriptor until it is forgotten.
enum class NodeId : std::uint64_t { none = 0, root = 1 };

// An open file of the daemon.
// As chown(2) takes it: the owner, or the group, stays.
constexpr std::uint32_t kNoOwner = ~std::uint32_t{0};

enum class HandleId : std::uint64_t { none = 0 };

constexpr std::size_t kMaxNameLength = 1023; // FUSE_NAME_MAX of the host kernel is 1024; NTFS names in UTF-8 pass 255

// One component of a path, as unlink(2) takes it: any bytes but '/' and NUL.
inline bool is_leaf_name(std::string_view name)
{
    return !name.empty() && name.size() <= kMaxNameLength && name.find('/') == name.npos &&
           name.find('\0') == name.npos;
}

// An object, named as openat(2) does: `leaf` below `node`, or `node` itself when `leaf` is empty. So the host can work
// on an entry of a folder that it has read without a round trip that makes it a node first. Links are not followed.
struct Target {
    NodeId node = NodeId::none;
    std::string leaf;

    [[nodiscard]] bool valid() const { return leaf.empty() || is_leaf_name(leaf); }
    bool operator==(const Target&) const = default;
};

struct Timestamp {
    std::int64_t seconds = 0;
    std::uint32_t nanoseconds = 0;

    [[nodiscard]] bool valid() const { return nanoseconds < 1'000'000'000; }
    auto operator<=>(const Timestamp&) const = default;
};

// What statx(2) tells.
struct Attr {
    std::uint64_t ino = 0;
    std::uint32_t filesystem = 0; // small number of the guest's st_dev; 0 is the file system of the root
    std::uint32_t mode = 0;       // type and permission bits, as st_mode
    std::uint32_t nlink = 0;
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
    std::uint32_t rdev_major = 0;
    std::uint32_t rdev_minor = 0;
    std::uint32_t block_size = 0; // preferred size of input and output, bytes
    std::uint64_t size = 0;       // bytes
    std::uint64_t blocks = 0;     // of 512 bytes
    Timestamp atime;
    Timestamp mtime;
    Timestamp ctime;
    Timestamp btime; // of birth; zero where the file system has none. Tells a reused inode number from the old object.
    bool fixed = false; // it refuses changes even of root (immutable, append-only), or nobody can tell

    [[nodiscard]] bool valid() const
    {
        const auto type = mode & S_IFMT;
        return type == S_IFREG || type == S_IFDIR || type == S_IFLNK || type == S_IFCHR || type == S_IFBLK ||
               type == S_IFIFO || type == S_IFSOCK;
    }
    bool operator==(const Attr&) const = default;
};

struct DirEntry {
    std::string name;              // "." and ".." included, as getdents64(2) lists them
    std::uint64_t next_offset = 0; // position behind this entry, for the next ReadDir
    std::uint64_t ino = 0;
    std::uint8_t type = 0;                  // DT_* of readdir(3)
    std::optional<Attr> attr;               // when asked for; none for "." and ".."
    std::optional<std::string> link_target; // of a symbolic link, with attr

    [[nodiscard]] bool valid() const { return is_leaf_name(name) && (!attr || attr->ino != 0); }
    bool operator==(const DirEntry&) const = default;
};

// For whom something is created. The daemon makes it with these ids and this umask, so that group inheritance and
// default ACLs act as they do for a local process.
struct Caller {
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
    std::uint32_t umask = 0;

    bool operator==(const Caller&) const = default;
};

// A time for utimensat(2): nothing means UTIME_NOW.
struct NewTime {
    std::optional<Timestamp> time;

    bool operator==(const NewTime&) const = default;
};

struct Xattr {
    std::string name;
    std::string value; // any bytes

    [[nodiscard]] bool valid() const { return !name.empty() && name.size() <= 255 && value.size() <= 65536; }
    bool operator==(const Xattr&) const = default;
};

// A piece of a regular file. Ranges that no extent covers read as zeros.
struct Extent {
    std::uint64_t file_offset = 0;
    std::uint64_t length = 0;
    std::uint64_t disk_offset = 0;

    [[nodiscard]] bool valid() const
    {
        return length != 0 && file_offset + length > file_offset && disk_offset + length > disk_offset;
    }
    bool operator==(const Extent&) const = default;
};

// Where all data of a file lies, when reading it there gives exactly what read(2) in the guest would give.
struct FileExtents {
    std::uint32_t disk = 0; // index of the drive, in the order they were added
    std::uint64_t size = 0; // of the file, bytes
    std::vector<Extent> extents;

    [[nodiscard]] bool valid() const // ascending and disjoint
    {
        std::uint64_t end = 0;
        for (const auto& extent : extents) {
            if (extent.file_offset < end) {
                return false;
            }
            end = extent.file_offset + extent.length;
        }
        return true;
    }
    bool operator==(const FileExtents&) const = default;
};

enum class BlockKind : std::uint8_t { disk, partition, logical_volume, raid, crypt, other };
constexpr BlockKind wire_max(BlockKind)
{
    return BlockKind::other;
}

struct BlockDevice {
    std::string name; // as the user names it: /dev/sda is the first drive whatever the guest's kernel calls it
    BlockKind kind = BlockKind::other;
    std::uint64_t size = 0;        // bytes
    std::uint32_t sector_size = 0; // logical, bytes
    bool read_only = false;

    bool operator==(const BlockDevice&) const = default;
};

struct EncryptedVolume {
    std::string device;             // as the user names it
    std::vector<std::string> names; // all of its names, and the name of its content whether it is open or not
    std::string uuid;
    std::string kind;   // "LUKS1", "LUKS2", "BitLocker"
    std::string opened; // the device with its content, /dev/mapper/luks-UUID; empty while it is closed

    [[nodiscard]] bool valid() const { return device.starts_with("/dev/") && names.size() <= 64; }
    bool operator==(const EncryptedVolume&) const = default;
};

// How a key is made of a passphrase.
struct KeyDerivation {
    std::string function; // "pbkdf2", "argon2i", "argon2id"
    std::string hash;     // of pbkdf2
    std::uint64_t iterations = 0;
    std::uint32_t memory_kib = 0; // of argon2, as are the lanes
    std::uint32_t lanes = 0;
    std::string salt;

    [[nodiscard]] bool valid() const { return salt.size() <= 256; }
    bool operator==(const KeyDerivation&) const = default;
};

// A keyslot of a LUKS volume: its area holds the volume key, split into stripes and encrypted with a derived key.
struct Keyslot {
    KeyDerivation derivation;
    std::string cipher;              // of the area: "aes-xts-plain64"
    std::uint32_t area_key_size = 0; // bytes
    std::string split_hash;
    std::uint32_t stripes = 0;
    std::uint32_t volume_key_size = 0; // bytes
    KeyDerivation digest_derivation;   // tells the right volume key
    std::string digest;

    [[nodiscard]] bool valid() const
    {
        return area_key_size <= 128 && stripes >= 1 && stripes <= 4000 && volume_key_size >= 1 &&
               volume_key_size <= 128 && !digest.empty() && digest.size() <= 64;
    }
    bool operator==(const Keyslot&) const = default;
};

struct FilesystemInfo {
    std::string device; // as the user names it, or btrfsvol:/dev/sda1/sub
    std::string type;   // as libblkid names it; "swap", "crypto_LUKS" ... too; "unknown"
    std::string label;
    std::string uuid;
    std::uint64_t size = 0;            // of the device, bytes
    std::optional<std::uint64_t> used; // bytes, when asked for and it can be mounted

    bool operator==(const FilesystemInfo&) const = default;
};

// A file system of an operating system, as that system mounts it.
struct SystemMount {
    std::string device; // for MountFilesystem
    std::string mountpoint;
    std::string options;

    [[nodiscard]] bool valid() const { return !device.empty() && mountpoint.starts_with('/'); }
    bool operator==(const SystemMount&) const = default;
};

struct DriveLetter {
    std::string letter; // "C"
    std::string device;

    [[nodiscard]] bool valid() const { return letter.size() == 1 && letter[0] >= 'A' && letter[0] <= 'Z'; }
    bool operator==(const DriveLetter&) const = default;
};

// What the guest's files say of the system. All texts are the guest's own: any bytes.
struct OperatingSystem {
    std::string root;   // the device that is mounted on /: its name among several systems
    std::string family; // "linux", "windows", "freebsd", "openbsd", "netbsd"; "installer" for an installation disc
    std::string distribution; // "debian", "rhel" ...; empty where there is none
    std::string product;      // for people: "Debian GNU/Linux 12 (bookworm)"
    std::string version;
    std::string hostname;
    std::vector<SystemMount> mounts;   // parents before their children, / first
    std::vector<DriveLetter> letters;  // of Windows
    std::vector<std::string> problems; // whole sentences: what of it is not on the disks

    [[nodiscard]] bool valid() const
    {
        return !mounts.empty() && mounts.front().mountpoint == "/" && mounts.front().device == root;
    }
    bool operator==(const OperatingSystem&) const = default;
};

} // namespace gm::rpc
