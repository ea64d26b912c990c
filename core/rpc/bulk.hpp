// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The bulk bytes of a message: file content that travels behind the encoded fields instead of through the codec.
// Either owns its bytes (uninitialised on purpose: megabytes are about to be overwritten) or borrows the caller's.
// A value of one thread; a borrowed Bulk must not outlive what it borrows.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <span>
#include <utility>

namespace gm::rpc {

class Bulk {
public:
    Bulk() = default;

    static Bulk allocate(std::size_t size)
    {
        Bulk bulk;
        bulk.owned_ = std::make_unique_for_overwrite<std::byte[]>(size);
        bulk.bytes_ = {bulk.owned_.get(), size};
        return bulk;
    }
    // For sending only: the bytes are never written to.
    static Bulk borrow(std::span<const std::byte> bytes)
    {
        Bulk bulk;
        bulk.bytes_ = {const_cast<std::byte*>(bytes.data()), bytes.size()};
        return bulk;
    }

    Bulk(Bulk&& other) noexcept
        : owned_(std::move(other.owned_)), bytes_(std::exchange(other.bytes_, {})),
          secret_size_(std::exchange(other.secret_size_, 0))
    {
    }
    Bulk& operator=(Bulk&& other) noexcept
    {
        wipe();
        owned_ = std::move(other.owned_);
        bytes_ = std::exchange(other.bytes_, {});
        secret_size_ = std::exchange(other.secret_size_, 0);
        return *this;
    }
    Bulk(const Bulk&) = delete;
    Bulk& operator=(const Bulk&) = delete;
    ~Bulk() { wipe(); }

    // What it owns is overwritten before its memory is given back.
    void make_secret() { secret_size_ = owned_ ? bytes_.size() : 0; }

    [[nodiscard]] std::span<const std::byte> bytes() const { return bytes_; }
    [[nodiscard]] std::span<std::byte> writable() { return bytes_; }
    [[nodiscard]] std::size_t size() const { return bytes_.size(); }

    // Keeps the first `size` bytes: a read that ended early.
    void shrink(std::size_t size) { bytes_ = bytes_.first(std::min(size, bytes_.size())); }

private:
    void wipe()
    {
        if (owned_ && secret_size_ != 0) {
            ::explicit_bzero(owned_.get(), secret_size_);
        }
    }

    std::unique_ptr<std::byte[]> owned_;
    std::span<std::byte> bytes_;
    std::size_t secret_size_ = 0; // to wipe
};

} // namespace gm::rpc
