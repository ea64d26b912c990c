// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A fact about objects (their attributes' list, their extents) that the daemon tells for many of them in one call. A
// question about one entry of a folder asks for the entries behind it as well; each object's answer is cached, and
// nobody asks twice for what is on its way. The base of XattrReader and ExtentMaps. Must go before the link. Any number
// of threads; get() blocks, the rest does not.
#pragma once

#include "cache/counters.hpp"
#include "cache/folder_cache.hpp"
#include "cache/in_flight.hpp"
#include "core/rpc/link.hpp"

#include <string>

namespace gm::cache {

// An object as the mount names it.
struct Object {
    Key key;
    rpc::Target target; // true for as long as the call lasts
    Key folder;         // with `name`: where it is listed. One that is not cached costs no more than its neighbours
    std::string name;
};

// Facts gives: Call (the procedure), Value (with Epoch seen), targets(Args&), replies(Reply&) (one optional a target),
// wants(Attr) (whether an entry is worth asking for), aspects(Value) (whose change ends it), cost(Value),
// make(Epoch, optional) -> Result<Value>.
template <typename Facts>
class BulkLookup {
public:
    using Call = typename Facts::Call;
    using Value = typename Facts::Value;
    using ValuePtr = std::shared_ptr<const Value>;

    static constexpr std::size_t kMaxBatch = 512;     // objects a call
    static constexpr std::size_t kMaxInFlight = 4096; // objects asked for ahead

    BulkLookup(rpc::Link& link, Budget& budget, FolderCache& folders, const Changes& changes, Rate& rate)
        : link_(link), folders_(folders), changes_(changes), rate_(rate), cache_(budget)
    {
    }

    // What is here and still true, or null.
    ValuePtr cached(const Key& key)
    {
        auto value = cache_.get(key);
        return value != nullptr && fresh(key, *value) ? value : nullptr;
    }

    // Keeps what was learnt elsewhere.
    void put(const Key& key, ValuePtr value)
    {
        const auto cost = Facts::cost(*value);
        cache_.put(key, std::move(value), cost);
    }

    [[nodiscard]] bool on_its_way(const Key& key) const { return in_flight_.find(key) != nullptr; }

    // From the cache, or by a call, which asks for the entries behind it too when `neighbours`.
    Result<ValuePtr> get(const Object& object, bool neighbours)
    {
        auto known = cached(object.key);
        rate_.count(known != nullptr);
        if (known != nullptr) {
            return known;
        }
        auto [fetch, ours] = join(object.key);
        if (ours) {
            auto batch = std::make_shared<Batch>();
            batch->keys.push_back(object.key);
            batch->fetches.push_back(fetch);
            batch->targets.push_back(object.target);
            batch->first_is_pinned = true;
            if (const auto listed = neighbours ? folders_.find(object.folder, object.name) : std::nullopt) {
                batch->page = listed->page;
                add_entries(*batch, static_cast<std::size_t>(listed->entry - listed->page->entries().data()));
            }
            send(std::move(batch));
        }
        auto fetched = fetch->wait();
        // What others asked for in bulk may have failed for reasons that are not this object's.
        return fetched.ok() ? fetched : ask_alone(object);
    }

    // Asks for all entries of a folder of which pages are cached.
    void fetch_ahead(const Key& folder)
    {
        for (auto& page : folders_.pages(folder)) {
            if (in_flight_.running() >= kMaxInFlight) {
                return;
            }
            fetch_ahead(std::move(page), 0);
        }
    }
    // For the entries of one page, from `first` on.
    void fetch_ahead(std::shared_ptr<const FolderPage> page, std::size_t first)
    {
        auto batch = std::make_shared<Batch>();
        batch->page = std::move(page);
        add_entries(*batch, first);
        if (!batch->keys.empty()) {
            send(std::move(batch));
        }
    }

private:
    using Fetches = InFlight<Key, ValuePtr, KeyHash>;
    struct Batch {
        std::shared_ptr<const FolderPage> page; // of which the targets are entries
        std::vector<Key> keys;
        std::vector<typename Fetches::FetchPtr> fetches;
        std::vector<rpc::Target> targets;
        bool first_is_pinned = false; // its target is the caller's own and needs no proof that the name is still true
    };

    [[nodiscard]] bool fresh(const Key& key, const Value& value) const
    {
        return changes_.unchanged(key, Facts::aspects(value), value.seen);
    }

    typename Fetches::Joined join(const Key& key)
    {
        return in_flight_.join(key, changes_.now(),
                               [&](const auto& other) { return changes_.unchanged(key, kEverything, other.begun()); });
    }

    void add_entries(Batch& batch, std::size_t first)
    {
        const auto& entries = batch.page->entries();
        for (std::size_t i = first; i < entries.size() && batch.keys.size() < kMaxBatch; ++i) {
            if (!entries[i].attr || !Facts::wants(*entries[i].attr)) {
                continue;
            }
            const Key key = Key::of(*entries[i].attr);
            if (cached(key) != nullptr) {
                continue;
            }
            if (auto [fetch, ours] = join(key); ours) {
                batch.keys.push_back(key);
                batch.fetches.push_back(std::move(fetch));
                batch.targets.push_back({batch.page->node()->node(), entries[i].name});
            }
        }
    }

    void send(std::shared_ptr<Batch> batch)
    {
        typename Call::Args args;
        Facts::targets(args) = std::move(batch->targets);
        link_.begin<Call>(args, [this, batch = std::move(batch)](Result<typename Call::Reply> reply) {
            finish(*batch, std::move(reply));
        });
    }

    void finish(Batch& batch, Result<typename Call::Reply> reply)
    {
        if (reply.ok() && Facts::replies(*reply).size() != batch.keys.size()) {
            reply = make_error(EIO, "the appliance answered {} for {} objects instead of {}", Call::name,
                               Facts::replies(*reply).size(), batch.keys.size());
        }
        for (std::size_t i = 0; i < batch.keys.size(); ++i) {
            auto& fetch = batch.fetches[i];
            auto outcome = outcome_of(batch, i, reply);
            if (outcome.ok() && fresh(batch.keys[i], **outcome)) {
                cache_.put(batch.keys[i], *outcome, Facts::cost(**outcome));
            }
            if (i + 1 == batch.keys.size()) {
                batch.page.reset(); // the last end() below is the last use of anything of the mount's
            }
            in_flight_.end(batch.keys[i], std::move(fetch), std::move(outcome));
        }
    }

    Result<ValuePtr> outcome_of(const Batch& batch, std::size_t i, Result<typename Call::Reply>& reply) const
    {
        if (!reply.ok()) {
            return reply.error();
        }
        const bool named =
            (i == 0 && batch.first_is_pinned) || changes_.unchanged(batch.page->folder(), kNames, batch.page->seen());
        if (!named) {
            return make_error(ESTALE, "the name may be another object's now");
        }
        return share(Facts::make(batch.fetches[i]->begun(), std::move(Facts::replies(*reply)[i])));
    }

    Result<ValuePtr> ask_alone(const Object& object)
    {
        const Epoch begun = changes_.now();
        typename Call::Args args;
        Facts::targets(args) = {object.target};
        auto reply = GM_TRY(link_.call<Call>(args));
        if (Facts::replies(reply).size() != 1) {
            return make_error(EIO, "the appliance sent no answer to {}", Call::name);
        }
        return share(Facts::make(begun, std::move(Facts::replies(reply)[0])));
    }

    static Result<ValuePtr> share(Result<Value> value)
    {
        if (!value.ok()) {
            return value.take_error();
        }
        return ValuePtr{std::make_shared<const Value>(value.take_value())};
    }

    rpc::Link& link_;
    FolderCache& folders_;
    const Changes& changes_;
    Rate& rate_;
    LruMap<Key, Value, KeyHash> cache_;
    Fetches in_flight_; // last: waits for completions, which use the above
};

} // namespace gm::cache
