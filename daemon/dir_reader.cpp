// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/dir_reader.hpp"

#include "core/base/syscall.hpp"
#include "core/rpc/frame.hpp"
#include "daemon/link_target.hpp"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <memory>
#include <sys/syscall.h>

namespace gm::daemon {
namespace {

// As the kernel lays it out; the C library's dirent64 bounds the name.
struct RawEntry {
    std::uint64_t ino;
    std::int64_t next_offset;
    std::uint16_t record_size;
    std::uint8_t type;
};
constexpr std::size_t kNameAt = offsetof(RawEntry, type) + 1;
constexpr std::size_t kBufferSize = 32768;
constexpr std::size_t kPlainSize = rpc::min_wire_size<rpc::DirEntry>();
constexpr std::size_t kAttrSize = rpc::min_wire_size<rpc::Attr>();

// What an entry takes on the wire, with room for a usual link target.
std::size_t wire_size(std::size_t name_length, std::uint8_t type, bool with_attrs)
{
    constexpr std::size_t kUsualLink = 64;
    return kPlainSize + name_length + (with_attrs ? kAttrSize : 0) + (with_attrs && type == DT_LNK ? kUsualLink : 0);
}

bool is_dot(std::string_view name)
{
    return name == "." || name == "..";
}

// Names only. The listing is at request.offset afterwards or wherever the page ended.
Result<Page> read_names(int fd, std::uint64_t& position, const PageRequest& request)
{
    if (position != request.offset) {
        GM_TRY(sys([&] { return ::lseek(fd, static_cast<off_t>(request.offset), SEEK_SET); }, "seek in the folder"));
        position = request.offset;
    }
    Page page;
    std::size_t used = 0;
    alignas(RawEntry) std::byte buffer[kBufferSize];
    while (true) {
        // Not much more than fits: names that are read and not sent are read again.
        const std::size_t room = (request.max_bytes - std::min(used, request.max_bytes)) / 4 + 1024;
        const auto got = GM_TRY(sys(
            [&] { return ::syscall(SYS_getdents64, fd, buffer, std::min(room, sizeof buffer)); }, "read the folder"));
        if (got == 0) {
            page.end = true;
            return page;
        }
        for (std::size_t at = 0; at < static_cast<std::size_t>(got);) {
            RawEntry raw;
            std::memcpy(&raw, buffer + at, kNameAt);
            const auto* name = reinterpret_cast<const char*>(buffer + at + kNameAt);
            const std::size_t length = ::strnlen(name, raw.record_size - kNameAt);
            const std::size_t size = wire_size(length, raw.type, request.with_attrs);
            if (used + size > request.max_bytes && !page.entries.empty()) {
                position = ~std::uint64_t{0}; // the descriptor is beyond what was sent
                return page;
            }
            used += size;
            at += raw.record_size;
            position = static_cast<std::uint64_t>(raw.next_offset);
            page.entries.push_back({.name = std::string(name, length),
                                    .next_offset = static_cast<std::uint64_t>(raw.next_offset),
                                    .ino = raw.ino,
                                    .type = raw.type});
        }
        if (used + 1024 > request.max_bytes) {
            return page;
        }
    }
}

// What is the same for most entries of a page.
struct Shared {
    FilesystemNumbers& filesystems;
    const Mounts& mounts;
    std::uint64_t device = ~std::uint64_t{0};
    std::uint32_t number = 0;
    std::size_t room_for_links = rpc::kMaxBulk / 4; // long targets must not make the reply too long to be sent
};

void add_attr(int folder, rpc::DirEntry& entry, Shared& shared)
{
    auto status = status_of(folder, entry.name.c_str());
    if (!status.ok()) {
        return; // removed meanwhile, or damaged: the entry is there, who asks for its attributes gets the error
    }
    if (device_of(*status) != shared.device) {
        shared.device = device_of(*status);
        shared.number = shared.filesystems.number_of(shared.device);
    }
    entry.attr = to_attr(*status, shared.number);
    entry.ino = status->stx_ino; // of what is mounted there, not of what is covered
    if (S_ISLNK(status->stx_mode)) {
        auto target = read_link_target(folder, entry.name.c_str(), status->stx_size);
        if (target.ok() && target->size() <= shared.room_for_links) {
            shared.room_for_links -= target->size();
            entry.link_target = shared.mounts.link_in_guest(*target, shared.device, folder, entry.name.c_str());
            if (*entry.link_target != *target) {
                entry.attr->size = entry.link_target->size();
            }
        }
    }
}

void add_attrs(int folder, std::vector<rpc::DirEntry>& entries, FilesystemNumbers& filesystems, const Mounts& mounts)
{
    std::vector<rpc::DirEntry*> order;
    order.reserve(entries.size());
    for (auto& entry : entries) {
        if (!is_dot(entry.name)) {
            order.push_back(&entry);
        }
    }
    std::ranges::sort(order, {}, &rpc::DirEntry::ino);
    Shared shared{filesystems, mounts};
    for (auto* entry : order) {
        add_attr(folder, *entry, shared);
    }
}

} // namespace

Result<Page> read_page(const Node& folder, const PageRequest& request, FilesystemNumbers& filesystems,
                       const Mounts& mounts)
{
    auto page = folder.listing.with([&](Node::Listing& listing) -> Result<Page> {
        int fd = folder.fd.get();
        if (!folder.listable) {
            if (!listing.own.valid()) {
                fd = GM_TRY(
                    sys([&] { return ::openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC); }, "open the folder"));
                listing = {.own = UniqueFd{fd}, .position = 0};
            }
            fd = listing.own.get();
        }
        auto names = read_names(fd, listing.position, request);
        if (!folder.listable && (!names.ok() || names->end)) {
            listing.own.reset(); // one descriptor a folder is enough
        }
        return names;
    });
    if (page.ok() && request.with_attrs) {
        add_attrs(folder.fd.get(), page->entries, filesystems, mounts);
    }
    return page;
}

} // namespace gm::daemon
