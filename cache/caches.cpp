// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cache/caches.hpp"

namespace gm::cache {

Caches::Caches(rpc::Link& link, std::size_t size, image::BlockSource* drives, ForgetNode forget)
    : budget(size), pages(budget, changes), folders(link, pages, changes, counters, std::move(forget)),
      xattrs(link, budget, pages, folders, changes, counters), files({.link = link,
                                                                      .budget = budget,
                                                                      .folders = pages,
                                                                      .walk = folders,
                                                                      .changes = changes,
                                                                      .counters = counters,
                                                                      .drives = drives})
{
}

} // namespace gm::cache
