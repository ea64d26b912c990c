// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/btrfs_subvolumes.hpp"

#include "core/base/syscall.hpp"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <fcntl.h>
#include <functional>
#include <linux/btrfs.h>
#include <linux/btrfs_tree.h>
#include <map>
#include <sys/ioctl.h>

namespace gm::daemon {
namespace {

constexpr int kDeepest = 64; // subvolumes in each other

struct Item {
    btrfs_ioctl_search_header key;
    std::string_view data;
};

template <typename T>
bool copy_head(std::string_view data, T& value)
{
    if (data.size() < sizeof value) {
        return false;
    }
    std::memcpy(&value, data.data(), sizeof value);
    return true;
}

// Every item of the root tree with an object and a type in these ranges.
Result<void> search_roots(int fd, std::uint64_t first, std::uint64_t last, std::uint32_t first_type,
                          std::uint32_t last_type, const std::function<void(const Item&)>& use)
{
    btrfs_ioctl_search_args args{};
    args.key.tree_id = BTRFS_ROOT_TREE_OBJECTID;
    args.key.min_objectid = first;
    args.key.max_objectid = last;
    args.key.min_type = first_type;
    args.key.max_type = last_type;
    args.key.max_offset = UINT64_MAX;
    args.key.max_transid = UINT64_MAX;
    for (std::size_t seen = 0; seen < 8 * kMostSubvolumes;) {
        args.key.nr_items = 4096;
        GM_TRY(sys([&] { return ::ioctl(fd, BTRFS_IOC_TREE_SEARCH, &args); }, "list subvolumes"));
        if (args.key.nr_items == 0) {
            return {};
        }
        std::size_t at = 0;
        btrfs_ioctl_search_header header{};
        for (std::uint32_t i = 0; i < args.key.nr_items; ++i, ++seen) {
            if (!copy_head(std::string_view{args.buf, sizeof args.buf}.substr(at), header) ||
                at + sizeof header + header.len > sizeof args.buf) {
                return make_error(EIO, "list subvolumes: a broken answer");
            }
            at += sizeof header;
            use({.key = header, .data = std::string_view{args.buf + at, header.len}});
            at += header.len;
        }
        args.key.min_objectid = header.objectid;
        args.key.min_type = header.type;
        args.key.min_offset = header.offset + 1;
        if (args.key.min_offset == 0) {
            return {};
        }
    }
    return {};
}

struct Found {
    std::uint64_t parent = 0;
    std::uint64_t folder = 0; // in the parent
    std::string name;
    bool snapshot = false;
};

void take(std::map<std::uint64_t, Found>& found, const Item& item)
{
    btrfs_root_ref ref{};
    if (item.key.type == BTRFS_ROOT_BACKREF_KEY && copy_head(item.data, ref) &&
        item.data.size() >= sizeof ref + ref.name_len && found.size() < kMostSubvolumes) {
        Found& one = found[item.key.objectid];
        one.parent = item.key.offset;
        one.folder = ref.dirid;
        one.name = item.data.substr(sizeof ref, ref.name_len);
    }
    constexpr std::size_t parent_uuid = offsetof(btrfs_root_item, parent_uuid);
    if (item.key.type == BTRFS_ROOT_ITEM_KEY && item.data.size() >= parent_uuid + BTRFS_UUID_SIZE &&
        found.size() < kMostSubvolumes) {
        const auto uuid = item.data.substr(parent_uuid, BTRFS_UUID_SIZE);
        found[item.key.objectid].snapshot = uuid.find_first_not_of('\0') != std::string_view::npos;
    }
}

// Where a folder lies in its subvolume, with a slash at the end; nothing for its top.
std::string folder_path(int fd, std::uint64_t subvolume, std::uint64_t folder)
{
    btrfs_ioctl_ino_lookup_args args{};
    args.treeid = subvolume;
    args.objectid = folder;
    if (folder == BTRFS_FIRST_FREE_OBJECTID || ::ioctl(fd, BTRFS_IOC_INO_LOOKUP, &args) == -1) {
        return {};
    }
    return std::string{args.name, ::strnlen(args.name, sizeof args.name)};
}

std::string path_of(int fd, const std::map<std::uint64_t, Found>& found, std::uint64_t id)
{
    std::string path;
    for (int level = 0; level < kDeepest; ++level) {
        const auto one = found.find(id);
        if (one == found.end() || one->second.name.empty()) {
            return {}; // deleted, and not yet cleaned away
        }
        const auto& subvolume = one->second;
        path = folder_path(fd, subvolume.parent, subvolume.folder) + subvolume.name + (path.empty() ? "" : "/") + path;
        if (subvolume.parent == BTRFS_FS_TREE_OBJECTID) {
            return path;
        }
        id = subvolume.parent;
    }
    return {};
}

} // namespace

Result<std::vector<Subvolume>> list_subvolumes(const std::string& folder)
{
    const UniqueFd fd = GM_TRY(open_file(folder, O_RDONLY | O_DIRECTORY));
    std::map<std::uint64_t, Found> found;
    GM_TRY(search_roots(fd.get(), BTRFS_FIRST_FREE_OBJECTID, BTRFS_LAST_FREE_OBJECTID, BTRFS_ROOT_ITEM_KEY,
                        BTRFS_ROOT_BACKREF_KEY, [&](const Item& item) { take(found, item); }));
    std::uint64_t usual = BTRFS_FS_TREE_OBJECTID;
    GM_TRY(search_roots(fd.get(), BTRFS_ROOT_TREE_DIR_OBJECTID, BTRFS_ROOT_TREE_DIR_OBJECTID, BTRFS_DIR_ITEM_KEY,
                        BTRFS_DIR_ITEM_KEY, [&](const Item& item) {
                            btrfs_dir_item entry{};
                            if (copy_head(item.data, entry) &&
                                item.data.substr(sizeof entry, entry.name_len) == "default") {
                                usual = entry.location.objectid;
                            }
                        }));
    std::vector<Subvolume> subvolumes;
    for (const auto& [id, one] : found) {
        if (auto path = path_of(fd.get(), found, id); !path.empty()) {
            subvolumes.push_back(
                {.id = id, .path = std::move(path), .snapshot = one.snapshot, .is_default = id == usual});
        }
    }
    std::ranges::sort(subvolumes, {}, &Subvolume::path);
    return subvolumes;
}

} // namespace gm::daemon
