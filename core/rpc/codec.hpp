// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Values to bytes and back. Little-endian integers of fixed width, a byte 0 or 1 for bool and optional, strings and
// lists with a 32-bit count, aggregates field by field. The decoder trusts nothing: counts are checked against the
// bytes that are left before anything is allocated, enums against their range, `valid()` where a type has it, and a
// message must be used up to its last byte. A Bulk field travels behind the message; the codec carries its length.
#pragma once

#include "core/base/error.hpp"
#include "core/rpc/bulk.hpp"
#include "core/rpc/fields.hpp"

#include <bit>
#include <cstring>
#include <limits>
#include <span>
#include <string>
#include <vector>

namespace gm::rpc {

static_assert(std::endian::native == std::endian::little, "the wire order is the host's order");

namespace detail {

template <typename T>
struct IsOptional : std::false_type {
};
template <typename T>
struct IsOptional<std::optional<T>> : std::true_type {
};
template <typename T>
struct IsVector : std::false_type {
};
template <typename T>
struct IsVector<std::vector<T>> : std::true_type {
};

template <typename T>
concept OpaqueId = std::is_enum_v<T> && std::is_same_v<std::underlying_type_t<T>, std::uint64_t>;

template <typename T>
inline constexpr bool kUnsupported = false;

} // namespace detail

// The least number of bytes that a value of T takes on the wire: bounds the count of a list.
template <typename T>
constexpr std::size_t min_wire_size()
{
    if constexpr (std::is_same_v<T, bool> || detail::IsOptional<T>::value) {
        return 1;
    } else if constexpr (std::is_integral_v<T> || std::is_enum_v<T>) {
        return sizeof(T);
    } else if constexpr (std::is_same_v<T, std::string> || detail::IsVector<T>::value || std::is_same_v<T, Bulk>) {
        return 4;
    } else {
        return []<typename... F>(std::type_identity<std::tuple<F&...>>) {
            return (min_wire_size<F>() + ... + std::size_t{0});
        }(std::type_identity<decltype(fields(std::declval<T&>()))>{});
    }
}

class Encoder {
public:
    template <typename T>
    void put(const T& value)
    {
        if constexpr (std::is_same_v<T, bool>) {
            put(static_cast<std::uint8_t>(value));
        } else if constexpr (std::is_integral_v<T>) {
            append(&value, sizeof value);
        } else if constexpr (std::is_enum_v<T>) {
            put(static_cast<std::underlying_type_t<T>>(value));
        } else if constexpr (std::is_same_v<T, std::string>) {
            put_count(value.size());
            append(value.data(), value.size());
        } else if constexpr (std::is_same_v<T, Bulk>) {
            put_count(value.size());
            bulk_ = value.bytes();
        } else if constexpr (detail::IsOptional<T>::value) {
            put(value.has_value());
            if (value) {
                put(*value);
            }
        } else if constexpr (detail::IsVector<T>::value) {
            put_count(value.size());
            for (const auto& item : value) {
                put(item);
            }
        } else if constexpr (Aggregate<T>) {
            std::apply([this](const auto&... field) { (put(field), ...); }, fields(value));
        } else {
            static_assert(detail::kUnsupported<T>, "this type has no form on the wire");
        }
    }

    [[nodiscard]] std::span<const std::byte> bytes() const { return bytes_; }
    // The bulk of the value, borrowed from it.
    [[nodiscard]] std::span<const std::byte> bulk() const { return bulk_; }

private:
    void put_count(std::size_t count)
    {
        // A longer value could not fit into a message; the frame refuses it by its size.
        put(static_cast<std::uint32_t>(std::min<std::size_t>(count, std::numeric_limits<std::uint32_t>::max())));
    }
    void append(const void* from, std::size_t size)
    {
        const std::size_t at = bytes_.size();
        bytes_.resize(at + size);
        if (size != 0) {
            std::memcpy(bytes_.data() + at, from, size);
        }
    }

    std::vector<std::byte> bytes_;
    std::span<const std::byte> bulk_;
};

class Decoder {
public:
    explicit Decoder(std::span<const std::byte> bytes, Bulk bulk = {}) : left_(bytes), bulk_(std::move(bulk)) {}

    // False when the bytes are not a T; `into` is then in some valid state and must not be used.
    template <typename T>
    [[nodiscard]] bool get(T& into)
    {
        if constexpr (std::is_same_v<T, bool>) {
            std::uint8_t byte = 0;
            if (!get(byte) || byte > 1) {
                return false;
            }
            into = byte == 1;
            return true;
        } else if constexpr (std::is_integral_v<T> || detail::OpaqueId<T>) {
            return take(&into, sizeof into);
        } else if constexpr (std::is_enum_v<T>) {
            std::underlying_type_t<T> number{};
            if (!get(number) || number > static_cast<std::underlying_type_t<T>>(wire_max(T{}))) {
                return false;
            }
            into = static_cast<T>(number);
            return true;
        } else if constexpr (std::is_same_v<T, std::string>) {
            std::uint32_t count = 0;
            if (!get(count) || count > left_.size()) {
                return false;
            }
            into.resize(count);
            return take(into.data(), count);
        } else if constexpr (std::is_same_v<T, Bulk>) {
            std::uint32_t count = 0;
            if (!get(count) || count != bulk_.size()) {
                return false;
            }
            into = std::move(bulk_);
            return true;
        } else if constexpr (detail::IsOptional<T>::value) {
            bool present = false;
            if (!get(present)) {
                return false;
            }
            into.reset();
            return !present || get(into.emplace());
        } else if constexpr (detail::IsVector<T>::value) {
            return get_list(into);
        } else if constexpr (Aggregate<T>) {
            if (!std::apply([this](auto&... field) { return (get(field) && ...); }, fields(into))) {
                return false;
            }
            if constexpr (requires { into.valid(); }) {
                return into.valid();
            }
            return true;
        } else {
            static_assert(detail::kUnsupported<T>, "this type has no form on the wire");
        }
    }

    // Whether everything that came was used.
    [[nodiscard]] bool at_end() const { return left_.empty() && bulk_.size() == 0; }

private:
    template <typename Item>
    bool get_list(std::vector<Item>& into)
    {
        static_assert(min_wire_size<Item>() > 0, "a list of nothing has no bound");
        std::uint32_t count = 0;
        if (!get(count) || count > left_.size() / min_wire_size<Item>()) {
            return false;
        }
        into.clear();
        for (std::uint32_t i = 0; i < count;
             ++i) { // grows as items prove to be there: an item can be far larger in memory
            if (!get(into.emplace_back())) {
                return false;
            }
        }
        return true;
    }
    bool take(void* into, std::size_t size)
    {
        if (size > left_.size()) {
            return false;
        }
        if (size != 0) {
            std::memcpy(into, left_.data(), size);
        }
        left_ = left_.subspan(size);
        return true;
    }

    std::span<const std::byte> left_;
    Bulk bulk_;
};

// A whole message as a T, or EPROTO.
template <typename T>
Result<T> decode(std::span<const std::byte> bytes, Bulk bulk = {})
{
    Decoder decoder{bytes, std::move(bulk)};
    T value{};
    if (!decoder.get(value) || !decoder.at_end()) {
        return make_error(EPROTO, "malformed message");
    }
    return value;
}

} // namespace gm::rpc
