// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/kernel_log.hpp"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>

namespace gm::daemon {

std::string_view kernel_record_text(std::string_view record)
{
    // "6,1234,5678901,-;text\n KEY=value\n"
    const auto text = record.find(';');
    if (text == std::string_view::npos) {
        return {};
    }
    record.remove_prefix(text + 1);
    return record.substr(0, record.find('\n'));
}

KernelLog::KernelLog() : fd_(::open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC))
{
    if (fd_.valid()) {
        ::lseek(fd_.get(), 0, SEEK_END);
    }
}

std::vector<std::string> KernelLog::lines(std::size_t most)
{
    std::vector<std::string> all;
    if (!fd_.valid()) {
        return all;
    }
    char record[8192];
    constexpr int kMostRecords = 10'000; // whoever logs without end does not hold us
    for (int i = 0; i < kMostRecords; ++i) {
        const auto got = ::read(fd_.get(), record, sizeof record);
        if (got == -1 && (errno == EPIPE || errno == EINTR)) {
            continue; // overwritten before it was read: goes on with the next
        }
        if (got <= 0) {
            break;
        }
        all.emplace_back(kernel_record_text({record, static_cast<std::size_t>(got)}));
    }
    if (all.size() > most) {
        all.erase(all.begin(), all.end() - static_cast<std::ptrdiff_t>(most));
    }
    return all;
}

} // namespace gm::daemon
