// SPDX-License-Identifier: GPL-2.0-or-later
#include "mount/unlocker.hpp"

#include "core/base/log.hpp"
#include "core/guest/keyslot.hpp"

#include <algorithm>

namespace gm::mount {
namespace {

constexpr int kQuestions = 3; // of a person, for each volume
constexpr std::uint32_t kMostKeyslots = 32;

bool is_called(const rpc::EncryptedVolume& volume, const std::string& device)
{
    return std::ranges::find(volume.names, device) != volume.names.end();
}

} // namespace

Result<bool> Unlocker::open_by(const rpc::EncryptedVolume& volume, const Secret& key, bool is_volume_key,
                               const std::stop_token& stop)
{
    const auto reply = link_.call<rpc::OpenEncrypted>(
        {.device = volume.device, .is_volume_key = is_volume_key, .key = rpc::Bulk::borrow(key.bytes())},
        {.stop = stop});
    if (reply.ok()) {
        return true;
    }
    return Error{reply.error()};
}

// The volume key is derived here, where the processor is real: seconds instead of minutes. EKEYREJECTED: no keyslot has
// this passphrase; EOPNOTSUPP: only the guest can tell.
Result<bool> Unlocker::open_by_keyslots(const rpc::EncryptedVolume& volume, const Secret& key,
                                        const std::stop_token& stop)
{
    bool all_tried = true;
    std::uint32_t count = 1;
    for (std::uint32_t index = 0; index < std::min(count, kMostKeyslots); ++index) {
        const auto slot =
            GM_TRY(link_.call<rpc::ReadKeyslot>({.device = volume.device, .index = index}, {.stop = stop}));
        count = slot.count;
        if (!can_derive(slot.keyslot)) {
            all_tried = false;
            continue;
        }
        const auto found = GM_TRY(volume_key(slot.keyslot, slot.area.bytes(), key.text()));
        if (found) {
            return open_by(volume, *found, true, stop);
        }
        if (stop.stop_requested()) {
            return make_error(ECANCELED, "cancelled");
        }
    }
    return all_tried ? make_error(EKEYREJECTED, "the key does not open it")
                     : make_error(EOPNOTSUPP, "keyslots that are not known here");
}

Result<bool> Unlocker::open(const rpc::EncryptedVolume& volume, const Secret& key, const std::stop_token& stop)
{
    auto outcome = open_by_keyslots(volume, key, stop);
    const auto is_final = [&](int errno_value) {
        return errno_value == EKEYREJECTED || errno_value == ENOTCONN || errno_value == ECANCELED;
    };
    if (!outcome.ok() && !is_final(outcome.error().errno_value)) {
        log_debug("{}: {}; cryptsetup is asked", volume.device, outcome.error().text);
        outcome = open_by(volume, key, false, stop);
    }
    if (outcome.ok()) {
        return true;
    }
    const auto& error = outcome.error();
    auto& attempt = attempts_[volume.device];
    if (error.errno_value == EKEYREJECTED) {
        ++attempt.keys;
        return false;
    }
    if (error.errno_value == ENOTCONN || error.errno_value == ECANCELED) {
        return outcome.take_error();
    }
    attempt.failure = error.text;
    return false;
}

Result<bool> Unlocker::try_keys(const rpc::EncryptedVolume& volume, const std::stop_token& stop)
{
    for (const auto& key : keys_) {
        if (is_for(key, volume) && GM_TRY(open(volume, key.bytes, stop))) {
            return true;
        }
    }
    return false;
}

Result<bool> Unlocker::ask(const rpc::EncryptedVolume& volume, const std::stop_token& stop)
{
    for (const auto& key : typed_) {
        if (GM_TRY(open(volume, key, stop))) {
            return true;
        }
    }
    for (int question = 0; !input_.is_terminal() || question < kQuestions; ++question) {
        auto answer = input_.ask(fmt::format("Key of {} ({}): ", volume.device, volume.kind), stop);
        if (!answer.ok()) {
            if (answer.error().errno_value == ENODATA) {
                return false;
            }
            return answer.take_error();
        }
        typed_.push_back(answer.take_value());
        if (GM_TRY(open(volume, typed_.back(), stop))) {
            return true;
        }
    }
    return false;
}

Result<bool> Unlocker::open_next(const std::string& device, const std::stop_token& stop)
{
    auto state = GM_TRY(link_.call<rpc::ActivateVolumes>({.read_only = read_only_}, {.stop = stop}));
    volumes_ = std::move(state.encrypted);
    problems_ = std::move(state.problems);
    const bool named = std::ranges::any_of(volumes_, [&](const auto& volume) { return is_called(volume, device); });
    std::vector<const rpc::EncryptedVolume*> closed;
    for (const auto& volume : volumes_) {
        if (volume.opened.empty() && (!named || is_called(volume, device))) {
            closed.push_back(&volume);
        }
    }
    for (const auto* volume : closed) {
        if (!attempts_.contains(volume->device)) {
            attempts_[volume->device] = {};
            if (GM_TRY(try_keys(*volume, stop))) {
                return true;
            }
        }
    }
    for (const auto* volume : closed) {
        auto& attempt = attempts_[volume->device];
        const bool has_key = std::ranges::any_of(keys_, [&](const auto& key) { return is_for(key, *volume); });
        if (may_ask_ && input_.is_open() && !has_key && !attempt.asked) {
            attempt.asked = true;
            if (GM_TRY(ask(*volume, stop))) {
                return true;
            }
        }
    }
    return false;
}

Result<void> Unlocker::open_all(const std::stop_token& stop)
{
    may_ask_ = !input_.is_terminal();
    while (GM_TRY(open_next({}, stop))) {
    }
    return {};
}

Result<bool> Unlocker::ask_for_all(const std::stop_token& stop)
{
    may_ask_ = true;
    bool opened = false;
    while (GM_TRY(open_next({}, stop))) {
        opened = true;
    }
    return opened;
}

std::string Unlocker::why_closed(const rpc::EncryptedVolume& volume) const
{
    const auto found = attempts_.find(volume.device);
    const auto attempt = found != attempts_.end() ? found->second : Attempt{};
    const std::string what = fmt::format("'{}' is encrypted ({})", volume.device, volume.kind);
    if (!attempt.failure.empty()) {
        return fmt::format("{} and cannot be opened: {}", what, attempt.failure);
    }
    if (attempt.keys == 0) {
        return fmt::format("{} and no key was given for it (--key)", what);
    }
    return fmt::format("{} and {}", what,
                       attempt.keys == 1 ? "the key does not open it"
                                         : fmt::format("none of {} keys opens it", attempt.keys));
}

std::string Unlocker::obstacles(const std::string& device) const
{
    const bool named = std::ranges::any_of(volumes_, [&](const auto& volume) { return is_called(volume, device); });
    std::vector<std::string> sentences;
    for (const auto& volume : volumes_) {
        if (volume.opened.empty() && (!named || is_called(volume, device))) {
            sentences.push_back(why_closed(volume));
        }
    }
    if (!named) {
        sentences.insert(sentences.end(), problems_.begin(), problems_.end());
    }
    return fmt::format("{}", fmt::join(sentences, "; "));
}

std::vector<std::string> Unlocker::closed() const
{
    std::vector<std::string> sentences = problems_;
    for (const auto& volume : volumes_) {
        if (volume.opened.empty()) {
            sentences.push_back(why_closed(volume));
        }
    }
    return sentences;
}

} // namespace gm::mount
