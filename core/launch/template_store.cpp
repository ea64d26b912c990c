// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/launch/template_store.hpp"

#include "core/base/clock.hpp"
#include "core/base/log.hpp"
#include "core/base/syscall.hpp"
#include "core/launch/qemu_identity.hpp"
#include "core/launch/sparse_copy.hpp"

#include <algorithm>
#include <fcntl.h>
#include <filesystem>
#include <poll.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <thread>
#include <vector>

namespace gm::launch {
namespace {

namespace fs = std::filesystem;

constexpr const char* kMaking = ".making-"; // prefix of what is being written
constexpr Millis kLockPause{20};            // flock(2) has no timeout, so the lock is asked for again and again
constexpr std::size_t kOthersKept = 3;      // a user may alternate between settings
constexpr std::size_t kLargestState = 64 << 20;

struct FileFacts {
    std::uint64_t size = 0;
    std::int64_t mtime_ns = 0;
};

Result<FileFacts> facts_of(int fd)
{
    struct stat info {};
    GM_TRY(sys([&] { return ::fstat(fd, &info); }, "fstat"));
    return FileFacts{static_cast<std::uint64_t>(info.st_size),
                     info.st_mtim.tv_sec * 1'000'000'000LL + info.st_mtim.tv_nsec};
}

// What the stamp of these files must say. The memory file is too large to be read at each launch: any write to it
// changes its time. The device state is small and is read.
Result<std::string> stamp_text(const UniqueFd& ram, const UniqueFd& state, const std::string& qemu_version)
{
    const auto ram_facts = GM_TRY(facts_of(ram.get()));
    const auto state_facts = GM_TRY(facts_of(state.get()));
    if (state_facts.size > kLargestState) {
        return make_error(EFBIG, "the device state has {} bytes", state_facts.size);
    }
    std::string content(state_facts.size, '\0');
    const auto got =
        GM_TRY(sys([&] { return ::pread(state.get(), content.data(), content.size(), 0); }, "read the device state"));
    content.resize(static_cast<std::size_t>(got));
    return fmt::format("guestmount template 1\nram {} {}\nstate {} {}\nqemu {}\n", ram_facts.size, ram_facts.mtime_ns,
                       state_facts.size, short_hash(content), qemu_version);
}

std::string version_in(const std::string& stamp)
{
    const auto at = stamp.find("\nqemu ");
    return at == std::string::npos ? std::string{} : stamp.substr(at + 6, stamp.find('\n', at + 6) - (at + 6));
}

Result<Template> open_template(const std::string& folder)
{
    struct stat info {};
    GM_TRY(sys([&] { return ::lstat(folder.c_str(), &info); }, folder));
    Template found;
    found.folder_inode = info.st_ino;
    // Read and write, as qemu opens it again: it maps the file privately and writes nothing back.
    found.ram = GM_TRY(open_file(folder + "/ram", O_RDWR | O_NOFOLLOW));
    found.state = GM_TRY(open_file(folder + "/state", O_RDONLY | O_NOFOLLOW));
    const auto stamp = GM_TRY(read_file(folder + "/stamp"));
    found.qemu_version = version_in(stamp);
    const auto wanted = GM_TRY(stamp_text(found.ram, found.state, found.qemu_version));
    if (stamp != wanted) {
        return make_error(EINVAL, "'{}' was changed or is damaged", folder);
    }
    return found;
}

Result<void> write_template(const std::string& folder, const UniqueFd& ram, const UniqueFd& state,
                            const std::string& qemu_version)
{
    const UniqueFd ram_file = GM_TRY(open_file(folder + "/ram", O_RDWR | O_CREAT | O_EXCL, 0600));
    const UniqueFd state_file = GM_TRY(open_file(folder + "/state", O_RDWR | O_CREAT | O_EXCL, 0600));
    GM_TRY(copy_sparse(ram.get(), ram_file.get()));
    GM_TRY(copy_sparse(state.get(), state_file.get()));
    for (const auto* file : {&ram_file, &state_file}) {
        GM_TRY(sys([&] { return ::fdatasync(file->get()); }, "write the template"));
    }
    const auto stamp = GM_TRY(stamp_text(ram_file, state_file, qemu_version));
    return replace_file(folder + "/stamp", stamp);
}

} // namespace

TemplateStore::TemplateStore(std::string cache, std::string key)
    : folder_(std::move(cache) + "/templates"), key_(std::move(key))
{
}

std::optional<Template> TemplateStore::find() const
{
    auto found = open_template(path(key_));
    if (found) {
        ::utimensat(AT_FDCWD, path(key_).c_str(), nullptr, AT_SYMLINK_NOFOLLOW); // for remove_stale()
        return found.take_value();
    }
    if (found.error().errno_value != ENOENT || fs::exists(path(key_))) {
        log_debug("template not used: {}", found.error().text);
        if (const auto making = lock(Millis{0}, -1); making && !open_template(path(key_))) {
            std::error_code ignored;
            fs::remove_all(path(key_), ignored);
        }
    }
    return std::nullopt;
}

void TemplateStore::drop(const Template& broken) const
{
    const auto making = lock(Millis{1000}, -1);
    struct stat info {};
    if (making && ::lstat(path(key_).c_str(), &info) == 0 && info.st_ino == broken.folder_inode) {
        std::error_code ignored;
        fs::remove_all(path(key_), ignored);
    }
}

Result<void> TemplateStore::make_folder() const
{
    if (::mkdir(folder_.c_str(), 0700) == -1 && errno != EEXIST) {
        return system_error(errno, fmt::format("make folder '{}'", folder_));
    }
    return {};
}

Result<UniqueFd> TemplateStore::lock(Millis patience, int cancel_fd) const
{
    GM_TRY(make_folder());
    UniqueFd lock = GM_TRY(open_file(path("lock"), O_RDWR | O_CREAT | O_NOFOLLOW, 0600));
    const Deadline deadline{patience};
    while (retry([&] { return ::flock(lock.get(), LOCK_EX | LOCK_NB); }) == -1) {
        if (errno != EWOULDBLOCK) {
            return system_error(errno, fmt::format("lock '{}'", folder_));
        }
        if (deadline.passed()) {
            return make_error(ETIMEDOUT, "another process is making a template");
        }
        if (GM_TRY(wait_for(cancel_fd, POLLIN, std::min(kLockPause, deadline.left())))) {
            return make_error(ECANCELED, "cancelled");
        }
    }
    return lock;
}

Result<void> TemplateStore::save(const UniqueFd& ram, const UniqueFd& state, const std::string& qemu_version) const
{
    GM_TRY(make_folder());
    std::error_code ignored;
    const std::string aside = path(kMaking + key_);
    fs::remove_all(aside, ignored); // of a maker that was killed: we have its lock now
    GM_TRY(sys([&] { return ::mkdir(aside.c_str(), 0700); }, [&] { return fmt::format("make folder '{}'", aside); }));
    auto written = write_template(aside, ram, state, qemu_version);
    if (written) {
        fs::remove_all(path(key_), ignored);
        if (::rename(aside.c_str(), path(key_).c_str()) == -1) {
            written = system_error(errno, "rename the template");
        }
    }
    if (!written) {
        fs::remove_all(aside, ignored);
        return written;
    }
    remove_stale();
    return {};
}

void TemplateStore::remove_stale() const
{
    struct Other {
        fs::file_time_type used;
        fs::path path;
    };
    std::vector<Other> others;
    std::error_code failure;
    for (const auto& entry : fs::directory_iterator{folder_, failure}) {
        if (!entry.is_directory(failure) || entry.path().filename() == key_) {
            continue;
        }
        if (entry.path().filename().string().starts_with(kMaking)) {
            fs::remove_all(entry.path(), failure);
        } else {
            others.push_back({fs::last_write_time(entry.path(), failure), entry.path()});
        }
    }
    std::sort(others.begin(), others.end(), [](const Other& a, const Other& b) { return a.used > b.used; });
    for (std::size_t i = kOthersKept; i < others.size(); ++i) {
        fs::remove_all(others[i].path, failure); // who runs from it has its files open
    }
}

void TemplateStore::give_up(const std::string& boot_id) const
{
    [[maybe_unused]] const auto written = replace_file(path("unusable-" + key_), boot_id);
}

bool TemplateStore::given_up(const std::string& boot_id) const
{
    const auto content = read_file(path("unusable-" + key_));
    return content && content.value() == boot_id;
}

} // namespace gm::launch
