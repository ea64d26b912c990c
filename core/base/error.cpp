// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/base/error.hpp"

#include <system_error>

namespace gm {

Error system_error(int errno_value, std::string_view what)
{
    return Error{errno_value, fmt::format("{}: {}", what, std::generic_category().message(errno_value))};
}

Error with_context(Error error, std::string_view context)
{
    error.text = fmt::format("{}: {}", context, error.text);
    return error;
}

} // namespace gm
