// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The files and folders that the host has open. A handle number is never given twice. Any thread; a HandleRef keeps the
// descriptor open for a call that runs while the host releases the handle.
#pragma once

#include "core/base/error.hpp"
#include "core/base/guarded.hpp"
#include "core/base/unique_fd.hpp"
#include "core/rpc/types.hpp"

#include <cstdint>
#include <memory>
#include <unordered_map>

namespace gm::daemon {

struct Handle {
    UniqueFd fd;
    std::uint64_t device = 0; // st_dev and inode number, for what is known of the file elsewhere
    std::uint64_t ino = 0;
};
using HandleRef = std::shared_ptr<const Handle>;

class HandleTable {
public:
    // EBADF when the host does not have this handle.
    Result<HandleRef> find(rpc::HandleId id) const;
    rpc::HandleId add(Handle handle);
    // Closes it once no call uses it any more. Unknown numbers are ignored.
    void release(rpc::HandleId id);
    void clear();

private:
    struct Table {
        std::unordered_map<std::uint64_t, HandleRef> by_id;
        std::uint64_t next_id = 1;
    };
    Guarded<Table> table_; // level: leaf
};

} // namespace gm::daemon
