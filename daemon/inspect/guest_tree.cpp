// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/inspect/guest_tree.hpp"

#include "core/base/syscall.hpp"
#include "daemon/inspect/text.hpp"

#include <algorithm>
#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <memory>
#include <strings.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace gm::daemon {
namespace {

struct CloseFolder {
    void operator()(DIR* folder) const { ::closedir(folder); }
};

std::vector<std::string> names_in(UniqueFd fd)
{
    std::vector<std::string> found;
    const std::unique_ptr<DIR, CloseFolder> folder{::fdopendir(fd.get())};
    if (!folder) {
        return found;
    }
    static_cast<void>(fd.release()); // closed with the folder
    while (const dirent* entry = ::readdir(folder.get())) {
        const std::string_view name = entry->d_name;
        if (name != "." && name != "..") {
            found.emplace_back(name);
        }
        if (found.size() == GuestTree::kMostNames) {
            break;
        }
    }
    std::ranges::sort(found);
    return found;
}

bool is_regular(int fd)
{
    struct stat status;
    return ::fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
}

} // namespace

Result<GuestTree> GuestTree::open(const std::string& folder)
{
    UniqueFd root = GM_TRY(open_file(folder, O_PATH | O_DIRECTORY));
    return GuestTree{folder, std::move(root)};
}

Result<UniqueFd> GuestTree::open_inside(std::string_view path, int flags) const
{
    open_how how{};
    how.flags = static_cast<unsigned>(flags | O_CLOEXEC);
    how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
    const std::string text{path};
    const auto fd = retry([&] { return ::syscall(SYS_openat2, root_.get(), text.c_str(), &how, sizeof how); });
    if (fd == -1) {
        return system_error(errno, text);
    }
    return UniqueFd{static_cast<int>(fd)};
}

bool GuestTree::has(std::string_view path) const
{
    return open_inside(path, O_PATH | O_NOFOLLOW).ok();
}

bool GuestTree::has_folder(std::string_view path) const
{
    return open_inside(path, O_PATH | O_DIRECTORY).ok();
}

std::optional<std::string> GuestTree::read(std::string_view path) const
{
    const auto place = open_inside(path, O_PATH); // a device or a pipe must not even be opened
    if (!place.ok() || !is_regular(place->get())) {
        return std::nullopt;
    }
    const auto file = open_inside(path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
    if (!file.ok() || !is_regular(file->get())) {
        return std::nullopt;
    }
    std::string text(kMostBytes + 1, '\0');
    std::size_t size = 0;
    while (size < text.size()) {
        const auto got = retry([&] { return ::read(file->get(), text.data() + size, text.size() - size); });
        if (got == -1) {
            return std::nullopt;
        }
        if (got == 0) {
            text.resize(size);
            return text;
        }
        size += static_cast<std::size_t>(got);
    }
    return std::nullopt; // more than any such file has
}

std::optional<std::string> GuestTree::first_line(std::string_view path) const
{
    const auto text = read(path);
    if (!text) {
        return std::nullopt;
    }
    for (const auto& line : split(*text, '\n')) {
        const auto trimmed = trim(line);
        if (!trimmed.empty()) {
            return std::string{trimmed.substr(0, kMostLine)};
        }
    }
    return std::nullopt;
}

std::vector<std::string> GuestTree::names(std::string_view path) const
{
    auto folder = open_inside(path.empty() ? "." : path, O_RDONLY | O_DIRECTORY);
    return folder.ok() ? names_in(folder.take_value()) : std::vector<std::string>{};
}

std::optional<std::string> GuestTree::find_ignoring_case(std::string_view path) const
{
    auto at = open_file(folder_, O_RDONLY | O_DIRECTORY);
    std::string spelled = folder_;
    const auto parts = split(path, '/');
    for (std::size_t i = 0; i < parts.size(); ++i) {
        if (!at.ok()) {
            return std::nullopt;
        }
        const bool last = i + 1 == parts.size();
        const UniqueFd folder = at.take_value();
        const std::string wanted{parts[i]};
        const auto names = names_in(UniqueFd{::openat(folder.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)});
        const auto found = std::ranges::find_if(
            names, [&](const std::string& name) { return ::strcasecmp(name.c_str(), wanted.c_str()) == 0; });
        if (found == names.end()) {
            return std::nullopt;
        }
        const int flags = last ? O_PATH | O_NOFOLLOW | O_CLOEXEC : O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
        UniqueFd next{::openat(folder.get(), found->c_str(), flags)};
        if (!next.valid() || (last && !is_regular(next.get()))) {
            return std::nullopt;
        }
        spelled += "/" + *found;
        at = std::move(next);
    }
    return spelled;
}

} // namespace gm::daemon
