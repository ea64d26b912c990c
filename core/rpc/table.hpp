// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A list of procedure types and what can be derived from it at compile time: uniqueness, names, and a fingerprint over
// ids, names and field shapes, by which two builds know that they speak the same protocol.
#pragma once

#include "core/rpc/codec.hpp"

#include <array>
#include <cstdint>
#include <string_view>

namespace gm::rpc {

enum class ProcId : std::uint16_t {};

// reads: allowed on a read-only guest. writes: answered with EROFS there. control: about the session, not about files.
enum class Access { reads, writes, control };

struct ProcInfo {
    ProcId id;
    std::string_view name;
    Access access;
};

namespace detail {

// FNV-1a, 64 bits.
class ShapeHash {
public:
    constexpr void add(std::string_view text)
    {
        for (const char c : text) {
            value_ = (value_ ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
        }
    }
    constexpr void add(std::uint64_t number)
    {
        for (int i = 0; i < 8; ++i) {
            value_ = (value_ ^ ((number >> (8 * i)) & 0xffU)) * 0x100000001b3U;
        }
    }
    [[nodiscard]] constexpr std::uint64_t value() const { return value_; }

private:
    std::uint64_t value_ = 0xcbf29ce484222325U;
};

template <typename T>
constexpr void add_shape(ShapeHash& hash)
{
    if constexpr (std::is_same_v<T, bool>) {
        hash.add("b");
    } else if constexpr (std::is_integral_v<T>) {
        hash.add(std::is_signed_v<T> ? "i" : "u");
        hash.add(sizeof(T));
    } else if constexpr (std::is_enum_v<T>) {
        hash.add("e");
        hash.add(sizeof(T));
    } else if constexpr (std::is_same_v<T, std::string>) {
        hash.add("s");
    } else if constexpr (std::is_same_v<T, Bulk>) {
        hash.add("B");
    } else if constexpr (IsOptional<T>::value) {
        hash.add("?");
        add_shape<typename T::value_type>(hash);
    } else if constexpr (IsVector<T>::value) {
        hash.add("*");
        add_shape<typename T::value_type>(hash);
    } else {
        hash.add("{");
        [&]<typename... F>(std::type_identity<std::tuple<F&...>>) {
            (add_shape<F>(hash), ...);
        }(std::type_identity<decltype(fields(std::declval<T&>()))>{});
        hash.add("}");
    }
}

} // namespace detail

template <typename... P>
struct Table {
    static constexpr std::size_t size = sizeof...(P);
    static constexpr std::array<ProcInfo, size> info{ProcInfo{P::id, P::name, P::access}...};

    static constexpr bool ids_are_unique()
    {
        for (std::size_t i = 0; i < size; ++i) {
            for (std::size_t j = i + 1; j < size; ++j) {
                if (info[i].id == info[j].id || info[i].name == info[j].name) {
                    return false;
                }
            }
        }
        return true;
    }

    static constexpr std::uint64_t fingerprint()
    {
        detail::ShapeHash hash;
        const auto add = [&hash]<typename Q>(std::type_identity<Q>) {
            hash.add(static_cast<std::uint64_t>(Q::id));
            hash.add(Q::name);
            detail::add_shape<typename Q::Args>(hash);
            detail::add_shape<typename Q::Reply>(hash);
        };
        (add(std::type_identity<P>{}), ...);
        return hash.value();
    }

    // Whether the bulk of a call is a secret: then it is wiped from memory once the call is done.
    static constexpr bool is_secret(ProcId id)
    {
        bool secret = false;
        const auto look = [&]<typename Q>(std::type_identity<Q>) {
            if constexpr (requires { Q::secret; }) {
                secret = secret || (id == Q::id && Q::secret);
            }
        };
        (look(std::type_identity<P>{}), ...);
        return secret;
    }

    // The name of a procedure for messages; "?" for an unknown number.
    static constexpr std::string_view name_of(ProcId id)
    {
        for (const auto& item : info) {
            if (item.id == id) {
                return item.name;
            }
        }
        return "?";
    }

    // Of an unknown number: control.
    static constexpr Access access_of(ProcId id)
    {
        for (const auto& item : info) {
            if (item.id == id) {
                return item.access;
            }
        }
        return Access::control;
    }

    // Calls visit(std::type_identity<P>{}) for the procedure with this id; false when there is none.
    template <typename Visit>
    static bool visit(ProcId id, Visit&& visit)
    {
        return ((id == P::id && (visit(std::type_identity<P>{}), true)) || ...);
    }

    template <typename Visit>
    static void for_each(Visit&& visit)
    {
        (visit(std::type_identity<P>{}), ...);
    }
};

} // namespace gm::rpc
