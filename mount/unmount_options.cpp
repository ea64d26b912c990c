// SPDX-License-Identifier: GPL-2.0-or-later
#include "mount/unmount_options.hpp"

#include "mount/option_table.hpp"

#include <charconv>
#include <cstring>

namespace gm::mount {
namespace {

constexpr unsigned kMaxRetries = 1000;

Result<unsigned> parse_retries(const char* value)
{
    unsigned number = 0;
    const char* end = value + std::strlen(value);
    const auto [stop, error] = std::from_chars(value, end, number);
    if (error != std::errc{} || stop != end || number > kMaxRetries) {
        return make_error(EINVAL, "--retry: '{}' is not a number of attempts", value);
    }
    return number;
}

std::vector<OptionRow> rows(UnmountOptions& options)
{
    using Action = UnmountOptions::Action;
    const auto set = [](auto& member, auto value) {
        return [&member, value](const char*) -> Result<void> {
            member = value;
            return {};
        };
    };
    return {
        {"fd", 0, Takes::value, "FD", "wait until the other end of this pipe is closed, then unmount",
         [&options](const char* v) -> Result<void> {
             options.wait_fd = GM_TRY(parse_descriptor("--fd", v));
             return {};
         }},
        {"help", 0, Takes::nothing, "", "show this text", set(options.action, Action::help)},
        {"no-retry", 0, Takes::nothing, "", "give up at once when the mount is in use", set(options.retries, 0U)},
        {"quiet", 'q', Takes::nothing, "", "say nothing when it does not work", set(options.quiet, true)},
        {"retry", 0, Takes::optional_value, "N", "try N times more, with growing pauses (default 5)",
         [&options](const char* v) -> Result<void> {
             options.retries = v == nullptr ? UnmountOptions{}.retries : GM_TRY(parse_retries(v));
             return {};
         }},
        {"verbose", 'v', Takes::nothing, "", "show what happens", set(options.verbose, true)},
        {"version", 'V', Takes::nothing, "", "show the version", set(options.action, Action::version)},
    };
}

} // namespace

Result<UnmountOptions> UnmountOptions::parse(std::vector<std::string> arguments)
{
    UnmountOptions options;
    const auto table = rows(options);
    const auto others = GM_TRY(apply_options(table, std::move(arguments)));
    if (options.action != Action::unmount) {
        return options;
    }
    if (others.size() != 1) {
        return make_error(EINVAL, "{}; try --help",
                          others.empty() ? "no mountpoint given" : "only one mountpoint can be given");
    }
    options.mountpoint = others[0];
    return options;
}

std::string unmount_help_text()
{
    UnmountOptions options;
    return "Usage: guestunmount [OPTION]... MOUNTPOINT\n"
           "Unmount what guestmount mounted, and return once the disk image is complete and free.\n\n" +
           options_help(rows(options)) +
           "\nExit status: 0 unmounted, 1 an error, 2 still in use, 3 not mounted. See guestunmount(1).\n";
}

} // namespace gm::mount
