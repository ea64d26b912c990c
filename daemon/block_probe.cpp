// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/block_probe.hpp"

#include "core/base/syscall.hpp"

#include <blkid.h>
#include <fcntl.h>
#include <memory>

namespace gm::daemon {
namespace {

constexpr int kAmbivalent = -2; // of blkid_do_safeprobe

struct FreeProbe {
    void operator()(blkid_probe probe) const { blkid_free_probe(probe); }
};
using Probe = std::unique_ptr<std::remove_pointer_t<blkid_probe>, FreeProbe>;

std::string value_of(blkid_probe probe, const char* key)
{
    const char* data = nullptr;
    std::size_t size = 0;
    if (blkid_probe_lookup_value(probe, key, &data, &size) == -1 || size == 0) {
        return {};
    }
    return std::string{data, size - 1}; // the size counts the final zero
}

std::string text_of(const char* text)
{
    return text == nullptr ? "" : text;
}

} // namespace

Result<BlockContent> probe(const std::string& device)
{
    const UniqueFd fd = GM_TRY(open_file(device, O_RDONLY));
    const Probe probe{blkid_new_probe()};
    if (!probe || blkid_probe_set_device(probe.get(), fd.get(), 0, 0) == -1) {
        return make_error(EIO, "read '{}': the device cannot be probed", device);
    }
    blkid_probe_enable_superblocks(probe.get(), 1);
    blkid_probe_set_superblocks_flags(probe.get(), BLKID_SUBLKS_TYPE | BLKID_SUBLKS_LABEL | BLKID_SUBLKS_UUID |
                                                       BLKID_SUBLKS_USAGE | BLKID_SUBLKS_VERSION);
    const int outcome = blkid_do_safeprobe(probe.get());
    BlockContent content{.size = static_cast<std::uint64_t>(blkid_probe_get_size(probe.get())),
                         .ambiguous = outcome == kAmbivalent};
    if (outcome == 0) {
        content.type = value_of(probe.get(), "TYPE");
        content.usage = value_of(probe.get(), "USAGE");
        content.version = value_of(probe.get(), "VERSION");
        content.label = value_of(probe.get(), "LABEL");
        content.uuid = value_of(probe.get(), "UUID");
    }
    return content;
}

Result<PartitionTable> probe_partitions(const std::string& device)
{
    const UniqueFd fd = GM_TRY(open_file(device, O_RDONLY));
    const Probe probe{blkid_new_probe()};
    if (!probe || blkid_probe_set_device(probe.get(), fd.get(), 0, 0) == -1) {
        return make_error(EIO, "read '{}': the device cannot be probed", device);
    }
    PartitionTable found;
    blkid_probe_enable_superblocks(probe.get(), 0);
    blkid_probe_enable_partitions(probe.get(), 1);
    const blkid_partlist list = blkid_probe_get_partitions(probe.get());
    const blkid_parttable table = list != nullptr ? blkid_partlist_get_table(list) : nullptr;
    if (table == nullptr) {
        return found;
    }
    found.type = text_of(blkid_parttable_get_type(table));
    found.id = text_of(blkid_parttable_get_id(table));
    for (int i = 0; i < blkid_partlist_numof_partitions(list); ++i) {
        const blkid_partition partition = blkid_partlist_get_partition(list, i);
        found.partitions.push_back({.number = static_cast<std::uint32_t>(blkid_partition_get_partno(partition)),
                                    .start = static_cast<std::uint64_t>(blkid_partition_get_start(partition)) * 512,
                                    .uuid = text_of(blkid_partition_get_uuid(partition)),
                                    .label = text_of(blkid_partition_get_name(partition)),
                                    .type = text_of(blkid_partition_get_type_string(partition))});
    }
    return found;
}

} // namespace gm::daemon
