// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/kernel_modules.hpp"

#include "core/base/log.hpp"
#include "core/base/syscall.hpp"

#include <fcntl.h>
#include <sstream>
#include <sys/syscall.h>

namespace gm::daemon {
namespace {

Result<void> load_module(const std::string& path)
{
    const UniqueFd file = GM_TRY(open_file(path, O_RDONLY));
    if (::syscall(SYS_finit_module, file.get(), "", 0) == -1 && errno != EEXIST) {
        return system_error(errno, fmt::format("load '{}'", path));
    }
    return {};
}

} // namespace

Result<void> load_modules(const std::string& list_path, AfterLoading after)
{
    const auto list = GM_TRY(read_file(list_path));
    std::istringstream paths{list};
    for (std::string path; std::getline(paths, path);) {
        const auto loaded = load_module(path);
        if (!loaded.ok()) {
            log_warning("{}", loaded.error().text);
        }
        if (after == AfterLoading::remove_file) {
            ::unlink(path.c_str());
        }
    }
    return {};
}

} // namespace gm::daemon
