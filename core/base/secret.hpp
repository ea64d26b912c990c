// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Bytes that are overwritten when they are no longer needed: passphrases. Never printed, never copied. A value of one
// thread.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>
#include <utility>

namespace gm {

class Secret {
public:
    Secret() = default;
    explicit Secret(std::string_view text) : bytes_(std::make_unique<char[]>(text.size())), size_(text.size())
    {
        std::copy(text.begin(), text.end(), bytes_.get());
    }
    Secret(Secret&& other) noexcept : bytes_(std::move(other.bytes_)), size_(std::exchange(other.size_, 0)) {}
    Secret& operator=(Secret&& other) noexcept
    {
        wipe();
        bytes_ = std::move(other.bytes_);
        size_ = std::exchange(other.size_, 0);
        return *this;
    }
    Secret(const Secret&) = delete;
    Secret& operator=(const Secret&) = delete;
    ~Secret() { wipe(); }

    // Borrowed.
    [[nodiscard]] std::string_view text() const { return {bytes_.get(), size_}; }
    [[nodiscard]] std::span<const std::byte> bytes() const { return std::as_bytes(std::span{bytes_.get(), size_}); }
    [[nodiscard]] std::size_t size() const { return size_; }

private:
    void wipe()
    {
        if (bytes_) {
            ::explicit_bzero(bytes_.get(), size_);
        }
    }

    std::unique_ptr<char[]> bytes_;
    std::size_t size_ = 0;
};

// Overwrites what a text holds; it is empty afterwards.
template <typename Text>
void wipe(Text& text)
{
    ::explicit_bzero(text.data(), text.size());
    text.clear();
}

} // namespace gm
