// SPDX-License-Identifier: GPL-2.0-or-later
//
// The disks in a libvirt domain's XML, https://libvirt.org/formatdomain.html#hard-drives-floppy-disks-cdroms. Pure; any
// thread.
#pragma once

#include "core/base/error.hpp"

#include <functional>
#include <string>
#include <vector>

namespace gm::mount {

struct DomainDisk {
    std::string source; // a path, or a URI as -a takes it: with its password
    std::string format; // never empty: libvirt does not guess either
    bool read_only = false;

    bool operator==(const DomainDisk&) const = default;
};

// What only the daemon of libvirt knows.
struct DomainLookups {
    // The path of a volume in a storage pool.
    std::function<Result<std::string>(const std::string& pool, const std::string& volume)> volume_path;
    // The value of a secret by its UUID, or else by its type and usage.
    std::function<Result<std::string>(const std::string& uuid, const std::string& type, const std::string& usage)>
        secret;
};

// Disks in their order; CD-ROM and floppy drives are left out. EINVAL names what guestmount cannot open.
Result<std::vector<DomainDisk>> parse_domain_disks(const std::string& xml, const DomainLookups& lookups);

} // namespace gm::mount
