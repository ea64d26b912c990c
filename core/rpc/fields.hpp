// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The fields of an aggregate as a tuple of references, so that a type on the wire names each of its fields once, where
// it is declared. The number of fields is found by trying how many initialisers the type takes.
#pragma once

#include <cstddef>
#include <tuple>
#include <type_traits>

namespace gm::rpc {
namespace detail {

struct AnyField {
    template <typename T>
    operator T() const; // never defined, and not constexpr: clang warns of a constexpr one
};

template <std::size_t>
using AnyFieldAt = AnyField;

template <typename T, std::size_t... I>
constexpr bool takes(std::index_sequence<I...>)
{
    return requires
    {
        T{AnyFieldAt<I>{}...};
    };
}

constexpr std::size_t kMaxFields = 16;

template <typename T, std::size_t N = kMaxFields>
constexpr std::size_t field_count()
{
    if constexpr (takes<T>(std::make_index_sequence<N>{})) {
        static_assert(N < kMaxFields || !takes<T>(std::make_index_sequence<N + 1>{}),
                      "too many fields: extend fields()");
        return N;
    } else {
        return field_count<T, N - 1>();
    }
}

} // namespace detail

template <typename T>
concept Aggregate = std::is_aggregate_v<T> && std::is_class_v<T>;

// References to all fields of `value` (a T or a const T), in the order of declaration.
template <typename T>
requires Aggregate<std::remove_const_t<T>>
constexpr auto fields(T& value)
{
    constexpr std::size_t count = detail::field_count<std::remove_const_t<T>>();
    // One line for each arity: structured bindings cannot take a pack in C++20.
    // clang-format off
    if constexpr (count == 0) { return std::tie(); }
    else if constexpr (count == 1) { auto& [a] = value; return std::tie(a); }
    else if constexpr (count == 2) { auto& [a, b] = value; return std::tie(a, b); }
    else if constexpr (count == 3) { auto& [a, b, c] = value; return std::tie(a, b, c); }
    else if constexpr (count == 4) { auto& [a, b, c, d] = value; return std::tie(a, b, c, d); }
    else if constexpr (count == 5) { auto& [a, b, c, d, e] = value; return std::tie(a, b, c, d, e); }
    else if constexpr (count == 6) { auto& [a, b, c, d, e, f] = value; return std::tie(a, b, c, d, e, f); }
    else if constexpr (count == 7) { auto& [a, b, c, d, e, f, g] = value; return std::tie(a, b, c, d, e, f, g); }
    else if constexpr (count == 8) { auto& [a, b, c, d, e, f, g, h] = value; return std::tie(a, b, c, d, e, f, g, h); }
    else if constexpr (count == 9) { auto& [a, b, c, d, e, f, g, h, i] = value; return std::tie(a, b, c, d, e, f, g, h, i); }
    else if constexpr (count == 10) { auto& [a, b, c, d, e, f, g, h, i, j] = value; return std::tie(a, b, c, d, e, f, g, h, i, j); }
    else if constexpr (count == 11) { auto& [a, b, c, d, e, f, g, h, i, j, k] = value; return std::tie(a, b, c, d, e, f, g, h, i, j, k); }
    else if constexpr (count == 12) { auto& [a, b, c, d, e, f, g, h, i, j, k, l] = value; return std::tie(a, b, c, d, e, f, g, h, i, j, k, l); }
    else if constexpr (count == 13) { auto& [a, b, c, d, e, f, g, h, i, j, k, l, m] = value; return std::tie(a, b, c, d, e, f, g, h, i, j, k, l, m); }
    else if constexpr (count == 14) { auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n] = value; return std::tie(a, b, c, d, e, f, g, h, i, j, k, l, m, n); }
    else if constexpr (count == 15) { auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o] = value; return std::tie(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o); }
    else { auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = value; return std::tie(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p); }
    // clang-format on
}

} // namespace gm::rpc
