// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cache/counters.hpp"

#include <fmt/format.h>

namespace gm::cache {

namespace {

std::string rate_line(const char* what, const Rate& rate)
{
    return fmt::format("cache: {:<8} {:>9} hits {:>9} misses\n", what, rate.hits.load(), rate.misses.load());
}

} // namespace

std::string Counters::text() const
{
    constexpr double kMiB = 1 << 20;
    return rate_line("folders", folders) + rate_line("xattrs", xattrs) + rate_line("extents", extents) +
           rate_line("pages", pages) +
           fmt::format("cache: {} folder pages fetched ahead\n"
                       "cache: file data {:.1f} MiB from the image, {:.1f} MiB through the guest, {:.1f} MiB cached\n",
                       folders_ahead.load(), static_cast<double>(bytes_by_extent.load()) / kMiB,
                       static_cast<double>(bytes_by_call.load()) / kMiB,
                       static_cast<double>(bytes_from_cache.load()) / kMiB);
}

} // namespace gm::cache
