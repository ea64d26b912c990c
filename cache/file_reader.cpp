// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cache/file_reader.hpp"

#include "cache/extent_read.hpp"
#include "core/rpc/frame.hpp"

#include <algorithm>

namespace gm::cache {

FileReader::FileReader(Parts parts)
    : parts_(std::move(parts)),
      maps_(parts_.link, parts_.budget, parts_.folders, parts_.changes, parts_.counters, parts_.drives),
      cache_(parts_.budget),
      content_(std::in_place, std::min<std::uint64_t>(parts_.budget.limit() / 4, 16 << 20), kSmallFile)
{
}

Result<FileData> FileReader::read(const FileRef& file, std::uint64_t offset, std::uint32_t size)
{
    size = std::min<std::uint32_t>(size, rpc::kMaxBulk);
    if (size == 0 || offset + size < offset) {
        return FileData{};
    }
    const Key& key = file.object.key;
    const auto advice = streams_.with([&](ReadAhead& streams) { return streams.on_read(key, offset, size); });
    const bool others_follow = offset == 0 && parts_.small_files_ahead && content_.with([&](ContentWalk& content) {
        return content.on_file(file.object.folder, key) || (content.across_folders() && parts_.walk.walking());
    });

    std::vector<Slot> slots;
    const std::uint64_t last = (offset + size - 1) / kBlockSize;
    bool complete = true;
    for (std::uint64_t index = offset / kBlockSize; index <= last; ++index) {
        slots.push_back(find_block({key, index}));
        complete = complete && (slots.back().block != nullptr || slots.back().fetch != nullptr);
    }
    parts_.counters.pages.count(complete);
    const bool in_blocks = complete || advice.stream;
    const auto end = advice.to > advice.from ? std::min(advice.to, likely_size(file)) : 0;
    const bool ahead = advice.from < end;
    if (in_blocks && (!complete || ahead)) {
        const auto source = source_of(file, others_follow);
        if (!source.ok() && !complete) {
            return source.error();
        }
        if (!complete) {
            fetch_blocks(file, *source, offset, offset + size);
        }
        if (ahead && source.ok()) {
            fetch_blocks(file, *source, advice.from, end);
        }
        for (auto& slot : slots) {
            if (slot.block == nullptr && slot.fetch == nullptr) {
                slot = find_block({key, offset / kBlockSize + static_cast<std::uint64_t>(&slot - slots.data())});
            }
        }
    }
    if (others_follow) {
        read_small_ahead(file.object.folder, file.object.name);
    }
    return in_blocks ? read_through_blocks(file, std::move(slots), offset, size) : read_exactly(file, offset, size);
}

FileReader::BlockPtr FileReader::cached(const BlockId& id)
{
    auto block = cache_.get(id);
    return block != nullptr && fresh(id.file, *block) ? block : nullptr;
}

bool FileReader::fresh(const Key& file, const Block& block) const
{
    return parts_.changes.unchanged(file, kData, block.seen) &&
           (!block.listed_in || parts_.changes.unchanged(*block.listed_in, kEntries, block.seen));
}

FileReader::Slot FileReader::find_block(const BlockId& id)
{
    Slot slot{.fetch = in_flight_.find(id)}; // first: it is put into the cache before it leaves the table
    if (slot.fetch != nullptr && !parts_.changes.unchanged(id.file, kData, slot.fetch->begun())) {
        slot.fetch = nullptr;
    }
    if (slot.fetch == nullptr) {
        slot.block = cached(id);
    }
    return slot;
}

FileReader::Blocks::Joined FileReader::join(const BlockId& id)
{
    return in_flight_.join(id, parts_.changes.now(), [&](const Fetch<BlockPtr>& other) {
        return parts_.changes.unchanged(id.file, kData, other.begun());
    });
}

Result<FileReader::Source> FileReader::source_of(const FileRef& file, bool neighbours)
{
    Source source{.map = maps_.get(file.object, neighbours)};
    if (source.map == nullptr) {
        source.handle = GM_TRY(file.open());
    }
    return source;
}

std::uint64_t FileReader::likely_size(const FileRef& file)
{
    if (const auto known = maps_.cached(file.object.key); known.map != nullptr) {
        return known.map->extents->size;
    }
    const auto listed = parts_.folders.find(file.object.folder, file.object.name);
    return listed ? listed->entry->attr->size : UINT64_MAX;
}

void FileReader::fetch_blocks(const FileRef& file, const Source& source, std::uint64_t from, std::uint64_t to)
{
    const Key& key = file.object.key;
    Run run{.file = key};
    const auto flush = [&] {
        if (!run.fetches.empty()) {
            begin(std::exchange(run, Run{.file = key}), source);
        }
    };
    for (std::uint64_t index = from / kBlockSize; index * kBlockSize < to; ++index) {
        if (cached({key, index}) != nullptr) {
            flush();
            continue;
        }
        auto [fetch, ours] = join({key, index});
        if (!ours) {
            flush();
            continue;
        }
        if (run.fetches.empty()) {
            run.first = index;
        }
        run.fetches.push_back(std::move(fetch));
        if (run.length() >= kPieceSize) {
            flush();
        }
    }
    flush();
}

void FileReader::begin(Run started, const Source& source)
{
    const auto run = std::make_shared<Run>(std::move(started));
    if (source.map == nullptr) {
        const auto seen = run->fetches.front()->begun();
        const rpc::Read::Args call{source.handle, run->offset(), static_cast<std::uint32_t>(run->length())};
        parts_.link.begin<rpc::Read>(call, [this, run, seen](Result<rpc::Read::Reply> reply) {
            if (!reply.ok()) {
                finish(run, seen, reply.take_error());
                return;
            }
            parts_.counters.bytes_by_call += reply->data.size();
            finish(run, seen, std::make_shared<const rpc::Bulk>(std::move(reply->data)));
        });
        return;
    }
    const auto& extents = *source.map->extents;
    const auto length = run->offset() < extents.size ? std::min(run->length(), extents.size - run->offset()) : 0;
    const auto buffer = std::make_shared<rpc::Bulk>(rpc::Bulk::allocate(length));
    read_extents(*parts_.drives, extents, run->offset(), buffer->writable(),
                 [this, run, buffer, map = source.map](Result<void> outcome) mutable {
                     const auto seen = map->seen;
                     map.reset();
                     parts_.counters.bytes_by_extent += buffer->size();
                     finish(run, seen, outcome.ok() ? Result<Buffer>{std::move(buffer)} : outcome.take_error());
                 });
}

void FileReader::finish(const std::shared_ptr<Run>& run, Epoch seen, Result<Buffer> data)
{
    if (data.ok() && (*data)->size() > run->length()) {
        data = make_error(EIO, "the appliance sent more than was asked for");
    }
    for (std::size_t i = 0; i < run->fetches.size(); ++i) {
        const BlockId id{run->file, run->first + i};
        Result<BlockPtr> outcome{nullptr};
        if (data.ok()) {
            const auto all = (*data)->bytes();
            const auto begin = std::min(i * kBlockSize, all.size());
            const auto bytes = all.subspan(begin, std::min(kBlockSize, all.size() - begin));
            const auto block = std::make_shared<const Block>(Block{seen, *data, bytes, {}});
            // An error or a change shows up at the reader, who asks again.
            if (parts_.changes.unchanged(id.file, kData, seen)) {
                cache_.put(id, block, sizeof(Block) + bytes.size());
            }
            outcome = BlockPtr{block};
        } else {
            outcome = data.error();
        }
        in_flight_.end(id, std::move(run->fetches[i]), std::move(outcome));
    }
}

Result<FileData> FileReader::read_through_blocks(const FileRef& file, std::vector<Slot> slots, std::uint64_t offset,
                                                 std::uint32_t size)
{
    const Key& key = file.object.key;
    FileData data;
    std::uint64_t index = offset / kBlockSize;
    for (auto& slot : slots) {
        const bool here = slot.block != nullptr;
        if (!here) {
            auto fetched = slot.fetch == nullptr ? Result<BlockPtr>{nullptr} : slot.fetch->wait(file.stop);
            if (!fetched.ok() && fetched.error().errno_value == ECANCELED) {
                return fetched.take_error();
            }
            slot.block = fetched.ok() ? fetched.take_value() : nullptr;
        }
        // What lay on the drive may have been another file's by the time it was read, if this one was changed.
        if (slot.block == nullptr || !fresh(key, *slot.block)) {
            return read_by_call(file, offset, size);
        }
        const auto bytes = slot.block->bytes;
        const auto begin = offset + data.size() - index * kBlockSize;
        if (begin < bytes.size()) {
            const auto part = bytes.subspan(begin, std::min(bytes.size() - begin, size - data.size()));
            data.append(slot.block->owner, part);
            if (here) {
                parts_.counters.bytes_from_cache += part.size();
            }
            if (begin + part.size() == bytes.size()) {
                cache_.cool({key, index}); // the kernel keeps it from now on
            }
        }
        if (bytes.size() < kBlockSize) {
            break; // the end of the file
        }
        ++index;
    }
    return data;
}

Result<FileData> FileReader::read_exactly(const FileRef& file, std::uint64_t offset, std::uint32_t size)
{
    const auto map = maps_.get(file.object, false);
    if (map == nullptr) {
        return read_by_call(file, offset, size);
    }
    const auto& extents = *map->extents;
    if (offset >= extents.size) {
        return FileData{};
    }
    const auto buffer =
        std::make_shared<rpc::Bulk>(rpc::Bulk::allocate(std::min<std::uint64_t>(size, extents.size - offset)));
    const auto read = std::make_shared<Fetch<bool>>(map->seen);
    read_extents(*parts_.drives, extents, offset, buffer->writable(), [read, buffer](Result<void> outcome) {
        read->finish(outcome.ok() ? Result<bool>{true} : outcome.take_error());
    });
    const auto outcome = read->wait(file.stop);
    if (!outcome.ok() && outcome.error().errno_value == ECANCELED) {
        return outcome.error();
    }
    if (!outcome.ok() || !parts_.changes.unchanged(file.object.key, kData, map->seen)) {
        return read_by_call(file, offset, size);
    }
    parts_.counters.bytes_by_extent += buffer->size();
    FileData data;
    data.append(buffer, buffer->bytes());
    return data;
}

Result<FileData> FileReader::read_by_call(const FileRef& file, std::uint64_t offset, std::uint32_t size)
{
    const auto handle = GM_TRY(file.open());
    auto reply = GM_TRY(parts_.link.call<rpc::Read>({handle, offset, size}, {.stop = file.stop}));
    if (reply.data.size() > size) {
        return make_error(EIO, "the appliance sent more than was asked for");
    }
    parts_.counters.bytes_by_call += reply.data.size();
    const auto buffer = std::make_shared<const rpc::Bulk>(std::move(reply.data));
    FileData data;
    data.append(buffer, buffer->bytes());
    return data;
}

} // namespace gm::cache
