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
    for (std::size_t i = 0; i < plan.read.size(); ++i) {
        if (known[i].map != nullptr) {
            read_by_extents(plan.read[i], known[i].map);
        } else {
            by_call.push_back(plan.read[i]);
        }
    }
    read_by_bulk_call(by_call);
}

void FileReader::read_by_extents(const ContentWalk::Entry& entry, ExtentMapPtr map)
{
    const BlockId id{Key::of(entry.attr()), 0};
    if (map->extents->size > kSmallFile || cached(id) != nullptr) {
        return;
    }
    if (auto [fetch, ours] = join(id); ours) {
        begin({.file = id.file, .first = 0, .fetches = {std::move(fetch)}}, {.map = std::move(map)});
    }
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
