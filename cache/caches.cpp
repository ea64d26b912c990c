// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cache/caches.hpp"

namespace gm::cache {

Caches::Caches(rpc::Link& link, const Options& options, ForgetNode forget)
    : budget(options.size), attrs(budget, changes), pages(budget, changes),
      folders(link, pages, changes, counters, std::move(forget)),
      xattrs(link, budget, pages, folders, changes, counters), files({.link = link,
                                                                      .budget = budget,
                                                                      .folders = pages,
                                                                      .walk = folders,
                                                                      .changes = changes,
                                                                      .counters = counters,
                                                                      .drives = options.drives,
                                                                      .small_files_ahead = options.small_files_ahead})
{
}

} // namespace gm::cache
