// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Errors as values. An Error carries the errno that a FUSE caller or an exit path needs and the whole sentence
// that a person reads. The errno is chosen where the failure happens; a caller may only prepend context.
// Values: any thread may make, copy and read them.
#pragma once

#include <cerrno>
#include <fmt/format.h>
#include <optional>
#include <string>
#include <utility>
#include <variant>

namespace gm {

struct [[nodiscard]] Error {
    int errno_value = EIO;
    std::string text;

    bool operator==(const Error&) const = default;
};

// "what: <text of the errno>", for a failed system call.
Error system_error(int errno_value, std::string_view what);

// A complete sentence with the errno that a file operation should report for it.
template <typename... T>
Error make_error(int errno_value, fmt::format_string<T...> format, T&&... values)
{
    return Error{errno_value, fmt::format(format, std::forward<T>(values)...)};
}

// "context: text", errno unchanged.
Error with_context(Error error, std::string_view context);

// A value or an Error. Like C++23's std::expected with the error type fixed.
template <typename T>
class [[nodiscard]] Result {
public:
    using value_type = T;

    Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
    Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

    [[nodiscard]] bool ok() const { return state_.index() == 0; }
    explicit operator bool() const { return ok(); }

    // The value; only after ok().
    T& value() & { return std::get<0>(state_); }
    const T& value() const& { return std::get<0>(state_); }
    T&& value() && { return std::get<0>(std::move(state_)); }
    T& operator*() & { return value(); }
    T&& operator*() && { return std::move(*this).value(); }
    const T& operator*() const& { return value(); }
    T* operator->() { return &value(); }
    const T* operator->() const { return &value(); }

    // The error; only after !ok().
    [[nodiscard]] const Error& error() const { return std::get<1>(state_); }
    Error take_error() { return std::get<1>(std::move(state_)); }
    T take_value() { return std::get<0>(std::move(state_)); }

private:
    std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
public:
    using value_type = void;

    Result() = default;
    Result(Error error) : error_(std::move(error)) {}

    [[nodiscard]] bool ok() const { return !error_; }
    explicit operator bool() const { return ok(); }
    [[nodiscard]] const Error& error() const { return *error_; }
    Error take_error() { return std::move(*error_); }
    void take_value() {}

private:
    std::optional<Error> error_;
};

} // namespace gm

// The value of a Result, or return its error from the enclosing function. It must stand alone as a whole
// initialiser or statement: nested in a braced list, both g++ and clang leak the members built before it.
#define GM_TRY(expression)                                                                                             \
    __extension__({                                                                                                    \
        auto gm_try_result = (expression);                                                                             \
        if (!gm_try_result.ok()) {                                                                                     \
            return gm_try_result.take_error();                                                                         \
        }                                                                                                              \
        gm_try_result.take_value();                                                                                    \
    })
