// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cache/folder_reader.hpp"

#include <algorithm>
#include <sys/stat.h>

namespace gm::cache {

Result<PageView> FolderReader::read(const Key& folder, const rpc::Target& target, std::uint64_t offset)
{
    auto view = cache_.find(folder, offset);
    Pages::Joined fetched;
    if (!view) {
        fetched = fetch({folder, offset}, target); // first in the queue: somebody waits for this one
    }
    counters_.folders.count(view.has_value());
    if (offset == 0) {
        walk_.with([&](WalkDetector& walk) { walk.opened(folder); });
        fetch_ahead();
    }
    if (fetched.fetch != nullptr) {
        auto page = fetched.fetch->wait();
        while (!page.ok() && !fetched.ours) { // it was asked for by a name that somebody else knew
            fetched = fetch({folder, offset}, target);
            page = fetched.fetch->wait();
        }
        view = PageView{GM_TRY(std::move(page)), 0};
    }
    if (view->first == 0) {
        learn(*view->page);
        fetch_next_page(*view->page);
        fetch_ahead();
    }
    return *std::move(view);
}

std::vector<Key> FolderReader::upcoming(std::size_t most) const
{
    return walk_.with(
        [&](const WalkDetector& walk) { return walk.walking() ? walk.upcoming(most) : std::vector<Key>{}; });
}

FolderReader::Pages::Joined FolderReader::join(const PageId& id)
{
    return in_flight_.join(id, changes_.now(), [&](const Fetch<PagePtr>& other) {
        return changes_.unchanged(id.folder, kNames, other.begun()); // else it may miss what the caller must see
    });
}

FolderReader::Pages::Joined FolderReader::fetch(const PageId& id, const rpc::Target& target)
{
    auto joined = join(id);
    if (joined.ours) {
        begin(id, target, joined.fetch, false, [] { return true; });
    }
    return joined;
}

void FolderReader::fetch_next_page(const FolderPage& page)
{
    const PageId id{page.folder(), page.next_offset()};
    if (page.end() || cache_.find(id.folder, id.offset)) {
        return;
    }
    if (const auto [fetch, ours] = join(id); ours) {
        begin(id, {page.node()->node(), {}}, fetch, true, [hold = page.node()] { return true; });
    }
}

void FolderReader::fetch_folder_ahead(const Subfolder& folder)
{
    const PageId id{folder.key, 0};
    if (const auto [fetch, ours] = join(id); ours) {
        // It is named by its parent, and the name may pass to another object meanwhile.
        begin(id, folder.target, fetch, true, [this, parent = folder.parent, seen = folder.seen, hold = folder.hold] {
            return changes_.unchanged(parent, kNames, seen);
        });
    }
}

void FolderReader::begin(const PageId& id, const rpc::Target& target, const Pages::FetchPtr& fetch, bool ahead,
                         std::function<bool()> still_named)
{
    link_.begin<rpc::ReadDir>(
        {target, id.offset, kPageBytes, true},
        [this, id, fetch, ahead, still_named = std::move(still_named)](Result<rpc::ReadDir::Reply> reply) mutable {
            auto page = page_of(id, fetch->begun(), std::move(reply));
            if (page.ok() && !still_named()) {
                page = make_error(ESTALE, "the folder has another name now");
            }
            if (page.ok()) {
                cache_.put(*page);
            }
            if (ahead && page.ok()) {
                ++counters_.folders_ahead;
                learn(**page);
            } else if (ahead) {
                walk_.with([&](WalkDetector& walk) { walk.give_up(id.folder); });
            }
            still_named = nullptr;
            in_flight_.end(id, std::move(fetch), std::move(page));
        });
}

Result<FolderReader::PagePtr> FolderReader::page_of(const PageId& id, Epoch begun,
                                                    Result<rpc::ReadDir::Reply> answer) const
{
    auto reply = GM_TRY(std::move(answer));
    if (reply.folder == rpc::NodeId::none) {
        return make_error(EIO, "the appliance sent a folder without a node");
    }
    auto hold = std::make_shared<const NodeHold>(reply.folder, forget_);
    if (reply.entries.empty() && !reply.end) {
        return make_error(EIO, "the appliance sent an empty page of a folder");
    }
    return std::make_shared<const FolderPage>(id.folder, std::move(hold), id.offset, begun, std::move(reply.entries),
                                              reply.end);
}

void FolderReader::learn(const FolderPage& page)
{
    std::vector<Subfolder> subfolders;
    for (const auto& entry : page.entries()) {
        if (entry.attr && (entry.attr->mode & S_IFMT) == S_IFDIR) {
            subfolders.push_back(
                {Key::of(*entry.attr), page.folder(), page.seen(), {page.node()->node(), entry.name}, page.node()});
        }
    }
    walk_.with([&](WalkDetector& walk) { walk.listed(page.folder(), std::move(subfolders)); });
}

void FolderReader::fetch_ahead()
{
    while (in_flight_.running() < kMaxInFlight) {
        auto next = walk_.with([](WalkDetector& walk) { return walk.take(1); });
        if (next.empty()) {
            return;
        }
        if (const auto cached = cache_.find(next[0].key, std::uint64_t{0})) {
            learn(*cached->page);
        } else {
            fetch_folder_ahead(next[0]);
        }
    }
}

} // namespace gm::cache
