// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The part of FileReader that reads small files ahead.
#include "cache/extent_read.hpp"
#include "cache/file_reader.hpp"
#include "core/rpc/frame.hpp"

#include <algorithm>

namespace gm::cache {

namespace {

constexpr int kMaxBulkCalls = 3;
constexpr std::size_t kMaxFilesPerCall = 64;
constexpr std::uint64_t kMaxBytesPerCall = 1 << 20;
// Files that lie side by side on a drive are read by one request of at most so many bytes,
constexpr std::uint64_t kMaxBytesTogether = 512 << 10;
// over gaps of at most so many: to read them costs less than another request.
constexpr std::uint64_t kMaxGap = 16 << 10;

// The whole file is one piece of a drive.
bool in_one_piece(const rpc::FileExtents& file)
{
    return file.extents.size() == 1 && file.extents.front().file_offset == 0 &&
           file.extents.front().length == file.size;
}

} // namespace

void FileReader::read_small_ahead(const Key& folder, std::string_view name)
{
    const auto [hungry, across] = content_.with([](ContentWalk& walk) {
        return std::pair{walk.hungry(), walk.across_folders()};
    });
    if (!hungry) {
        return;
    }
    read_folder_ahead(folder, name);
    if (across) {
        for (const Key& next : parts_.walk.upcoming(kFoldersAhead)) {
            read_folder_ahead(next, {});
        }
    }
}

void FileReader::read_folder_ahead(const Key& folder, std::string_view name)
{
    const auto pages = parts_.folders.pages(folder);
    std::vector<ExtentMaps::Cached> known;
    const bool calls_free = bulk_calls_ < kMaxBulkCalls;
    const auto plan = content_.with([&](ContentWalk& walk) {
        return walk.plan(folder, pages, name, [&](const Key& file) {
            auto cached = maps_.cached(file);
            if (cached.known == ExtentMaps::Known::no) {
                return ContentWalk::Ready::unknown;
            }
            if (cached.known == ExtentMaps::Known::soon ||
                (cached.known == ExtentMaps::Known::through_guest && !calls_free)) {
                return ContentWalk::Ready::later;
            }
            known.push_back(std::move(cached));
            return ContentWalk::Ready::yes;
        });
    });
    if (plan.undecided) {
        maps_.fetch_ahead(plan.undecided->page, plan.undecided->index);
    }
    std::vector<ContentWalk::Entry> by_call;
    std::vector<SmallFile> by_extents;
    for (std::size_t i = 0; i < plan.read.size(); ++i) {
        const auto& map = known[i].map;
        if (map == nullptr) {
            by_call.push_back(plan.read[i]);
            continue;
        }
        const BlockId id{Key::of(plan.read[i].attr()), 0};
        if (map->extents->size > kSmallFile || cached(id) != nullptr) {
            continue;
        }
        if (auto [fetch, ours] = join(id); ours) {
            by_extents.push_back({id.file, map, std::move(fetch)});
        }
    }
    read_by_extents(std::move(by_extents));
    read_by_bulk_call(by_call);
}

void FileReader::read_by_extents(std::vector<SmallFile> files)
{
    const auto pieces =
        std::ranges::partition(files, [](const SmallFile& file) { return !in_one_piece(*file.map->extents); });
    for (auto file = files.begin(); file != pieces.begin(); ++file) {
        begin({.file = file->file, .first = 0, .fetches = {std::move(file->fetch)}}, {.map = std::move(file->map)});
    }
    std::ranges::sort(pieces, {}, [](const SmallFile& file) {
        return std::pair{file.map->extents->disk, file.extent().disk_offset};
    });
    for (auto first = pieces.begin(); first != pieces.end();) {
        const auto start = first->extent().disk_offset;
        auto end = start;
        auto last = first;
        // Wrapped around sums end the group: what the daemon tells is only checked against the drive when it is read.
        while (last != pieces.end() && last->map->extents->disk == first->map->extents->disk &&
               last->extent().disk_offset >= end && last->extent().disk_offset - end <= kMaxGap &&
               last->extent().disk_offset + last->extent().length - start <= kMaxBytesTogether) {
            end = last->extent().disk_offset + last->extent().length;
            ++last;
        }
        last = std::max(last, first + 1);
        read_side_by_side({std::move_iterator{first}, std::move_iterator{last}});
        first = last;
    }
}

void FileReader::read_side_by_side(std::vector<SmallFile> files)
{
    if (files.size() == 1) {
        auto& file = files.front();
        begin({.file = file.file, .first = 0, .fetches = {std::move(file.fetch)}}, {.map = std::move(file.map)});
        return;
    }
    const auto disk = files.front().map->extents->disk;
    const auto start = files.front().extent().disk_offset;
    const auto all = std::make_shared<rpc::Bulk>(
        rpc::Bulk::allocate(files.back().extent().disk_offset + files.back().extent().length - start));
    const auto group = std::make_shared<std::vector<SmallFile>>(std::move(files));
    const auto done = [this, group, all, start](const Result<void>& outcome) {
        for (auto& file : *group) {
            const auto run = std::make_shared<Run>(Run{.file = file.file, .first = 0, .fetches = {}});
            run->fetches.push_back(std::move(file.fetch));
            const auto bytes = all->bytes().subspan(file.extent().disk_offset - start, file.extent().length);
            const auto seen = file.map->seen;
            file.map.reset();
            if (!outcome.ok()) {
                finish(run, seen, outcome.error());
                continue;
            }
            // Of its own: one file that is kept must not keep the memory of all.
            auto own = std::make_shared<rpc::Bulk>(rpc::Bulk::allocate(bytes.size()));
            std::ranges::copy(bytes, own->writable().begin());
            parts_.counters.bytes_by_extent += own->size();
            finish(run, seen, Buffer{std::move(own)});
        }
    };
    parts_.drives->begin({disk, start, all->writable(), done});
}

void FileReader::read_by_bulk_call(const std::vector<ContentWalk::Entry>& entries)
{
    struct Batch {
        std::shared_ptr<const FolderPage> page;
        std::vector<Key> keys;
        std::vector<Blocks::FetchPtr> fetches;
        rpc::ReadFiles::Args call{.files = {}, .max_bytes = 0};
    };
    for (auto entry = entries.begin(); entry != entries.end();) {
        const auto batch = std::make_shared<Batch>();
        batch->page = entry->page;
        std::uint64_t bytes = 0;
        for (; entry != entries.end() && entry->page == batch->page && batch->keys.size() < kMaxFilesPerCall &&
               bytes < kMaxBytesPerCall;
             ++entry) {
            const BlockId id{Key::of(entry->attr()), 0};
            if (cached(id) != nullptr) {
                continue;
            }
            if (auto [fetch, ours] = join(id); ours) {
                batch->keys.push_back(id.file);
                batch->fetches.push_back(std::move(fetch));
                batch->call.files.push_back({batch->page->node()->node(), entry->page->entries()[entry->index].name});
                bytes += entry->attr().size;
            }
        }
        if (batch->keys.empty()) {
            continue;
        }
        batch->call.max_bytes = static_cast<std::uint32_t>(std::min<std::uint64_t>(bytes + kSmallFile, rpc::kMaxBulk));
        ++bulk_calls_;
        const auto call = batch->call;
        parts_.link.begin<rpc::ReadFiles>(call, [this, batch](Result<rpc::ReadFiles::Reply> reply) {
            --bulk_calls_;
            Buffer data;
            if (reply.ok() && reply->sizes.size() == batch->keys.size()) {
                data = std::make_shared<const rpc::Bulk>(std::move(reply->data));
            }
            // Each was named by its folder.
            const Key folder = batch->page->folder();
            const bool named = parts_.changes.unchanged(folder, kNames, batch->page->seen());
            batch->page.reset();
            std::size_t at = 0;
            for (std::size_t i = 0; i < batch->keys.size(); ++i) {
                const BlockId id{batch->keys[i], 0};
                Result<BlockPtr> outcome{make_error(EIO, "not read ahead")};
                if (const auto size = data != nullptr ? reply->sizes[i] : std::nullopt;
                    size && *size <= data->size() - at) {
                    const auto content = data->bytes().subspan(at, *size);
                    at += *size;
                    const auto seen = batch->fetches[i]->begun();
                    parts_.counters.bytes_by_call += content.size();
                    if (named && *size <= kSmallFile && parts_.changes.unchanged(id.file, kData, seen)) {
                        auto block = std::make_shared<const Block>(Block{seen, data, content, folder});
                        cache_.put(id, block, sizeof(Block) + content.size());
                        outcome = BlockPtr{std::move(block)};
                    }
                }
                in_flight_.end(id, std::move(batch->fetches[i]), std::move(outcome));
            }
        });
    }
}

} // namespace gm::cache
