// SPDX-License-Identifier: GPL-2.0-or-later
#include "mount/unlocker.hpp"

#include <algorithm>

namespace gm::mount {
namespace {

constexpr int kQuestions = 3; // of a person, for each volume

bool is_called(const rpc::EncryptedVolume& volume, const std::string& device)
{
    return std::ranges::find(volume.names, device) != volume.names.end();
}

} // namespace

Result<bool> Unlocker::open(const rpc::EncryptedVolume& volume, const Secret& key, const std::stop_token& stop)
{
    const auto reply = link_.call<rpc::OpenEncrypted>({.device = volume.device, .key = rpc::Bulk::borrow(key.bytes())},
                                                      {.stop = stop});
    if (reply.ok()) {
        return true;
    }
    const auto& error = reply.error();
    auto& attempt = attempts_[volume.device];
    if (error.errno_value == EKEYREJECTED) {
        ++attempt.keys;
        return false;
    }
    if (error.errno_value == ENOTCONN || error.errno_value == ECANCELED) {
        return error;
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
