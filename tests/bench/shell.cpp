// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/bench/shell.hpp"

#include "core/base/subprocess.hpp"
#include "core/base/syscall.hpp"

#include <fcntl.h>
#include <sys/mman.h>

namespace gm::bench {

Result<Seconds> run(const std::vector<std::string>& argv, const Environment& environment)
{
    constexpr std::chrono::minutes kLimit{10};
    // A file, not a pipe: what stays in the background would keep a pipe open.
    const UniqueFd complaints{GM_TRY(sys([] { return ::memfd_create("stderr", MFD_CLOEXEC); }, "memfd_create"))};
    const auto begun = std::chrono::steady_clock::now();
    auto child =
        GM_TRY(Subprocess::start({.argv = argv, .extra_environment = environment, .standard_error = complaints.get()}));
    const auto ended = child.wait(kLimit);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
    if (!ended) {
        return make_error(ETIMEDOUT, "{}: takes too long", argv[0]);
    }
    if (!ended->success()) {
        std::string text(2000, '\0');
        const auto length = ::pread(complaints.get(), text.data(), text.size(), 0);
        text.resize(length > 0 ? static_cast<std::size_t>(length) : 0);
        return make_error(EIO, "{}: {}: {}", argv[argv[0] == "sh" ? 2 : 0], ended->text(), text);
    }
    return took.count();
}

Result<Seconds> shell(const std::string& script, const std::string& folder)
{
    return run({"sh", "-ec", script, "sh", folder});
}

} // namespace gm::bench
