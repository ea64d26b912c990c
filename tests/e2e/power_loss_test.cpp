// SPDX-License-Identifier: GPL-2.0-or-later
//
// A database that commits while qemu or guestmount is killed: whatever fsync acknowledged is in the image, and the
// file system recovers from its journal. The acknowledgements are kept here, outside the mount.
#include "core/base/guarded.hpp"
#include "core/base/syscall.hpp"
#include "tests/support/leftovers.hpp"
#include "tests/support/program.hpp"
#include "tests/support/requirements.hpp"
#include "tests/support/work_disk.hpp"

#include <atomic>
#include <csignal>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <map>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

namespace {

using namespace gm::test;

constexpr std::size_t kPage = 8192;
constexpr unsigned kWriters = 4;
constexpr unsigned kPagesPerSegment = 16;

// What a page of a segment or a file must hold; never the same twice.
std::string page_of(unsigned writer, unsigned number)
{
    std::string page(kPage, static_cast<char>('a' + number % 26));
    page.replace(0, 40, fmt::format("{:>19} {:>19}\n", writer, number));
    return page;
}

// Path below the mount to the content that was acknowledged.
using Acknowledged = std::map<std::string, std::string>;

class Database {
public:
    explicit Database(const std::string& folder) : folder_(folder)
    {
        for (unsigned writer = 0; writer < kWriters; ++writer) {
            writers_.emplace_back([this, writer] {
                for (unsigned segment = 0; commit_segment(writer, segment) && checkpoint(writer, segment); ++segment) {
                }
            });
        }
    }
    Database(const Database&) = delete;
    Database& operator=(const Database&) = delete;
    ~Database() { wait(); }

    // How many calls of fsync and fdatasync have succeeded.
    [[nodiscard]] unsigned commits() const { return commits_; }
    // Until every writer was told that its file system is gone.
    Acknowledged wait()
    {
        for (auto& writer : writers_) {
            writer.join();
        }
        writers_.clear();
        return acknowledged_.with([](Acknowledged& all) { return all; });
    }

private:
    // As a write-ahead log: allocated ahead, then page by page with fdatasync.
    bool commit_segment(unsigned writer, unsigned segment)
    {
        const std::string name = fmt::format("log-{}-{}", writer, segment);
        const gm::UniqueFd file(::open((folder_ + "/" + name).c_str(), O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600));
        if (!file.valid() || ::posix_fallocate(file.get(), 0, kPagesPerSegment * kPage) != 0 ||
            ::fsync(file.get()) == -1 || !sync_folder()) {
            return false;
        }
        std::string content;
        for (unsigned page = 0; page < kPagesPerSegment; ++page) {
            const std::string bytes = page_of(writer, segment * kPagesPerSegment + page);
            if (::pwrite(file.get(), bytes.data(), kPage, static_cast<off_t>(content.size())) !=
                    static_cast<ssize_t>(kPage) ||
                ::fdatasync(file.get()) == -1) {
                return false;
            }
            content += bytes;
            acknowledge(name, content);
        }
        return true;
    }

    // As a checkpoint: written aside, synced, renamed over the old one, and the folder synced.
    bool checkpoint(unsigned writer, unsigned segment)
    {
        const std::string name = fmt::format("state-{}", writer);
        const std::string aside = folder_ + "/" + name + ".new";
        const std::string content = page_of(writer, segment);
        {
            const gm::UniqueFd file(::open(aside.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600));
            if (!file.valid() || ::write(file.get(), content.data(), kPage) != static_cast<ssize_t>(kPage) ||
                ::fsync(file.get()) == -1) {
                return false;
            }
        }
        if (::rename(aside.c_str(), (folder_ + "/" + name).c_str()) == -1 || !sync_folder()) {
            // It may be there already: then the old content must not be asked for.
            acknowledged_.with([&](Acknowledged& all) { all.erase(name); });
            return false;
        }
        acknowledge(name, content);
        return true;
    }

    bool sync_folder()
    {
        const gm::UniqueFd folder(::open(folder_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        return folder.valid() && ::fsync(folder.get()) == 0;
    }

    void acknowledge(const std::string& name, const std::string& content)
    {
        acknowledged_.with([&](Acknowledged& all) { all[name] = content; });
        ++commits_;
    }

    const std::string folder_;
    gm::Guarded<Acknowledged> acknowledged_;
    std::atomic<unsigned> commits_{0};
    std::vector<std::thread> writers_;
};

enum class Victim { qemu, guestmount };

void keeps_what_was_acknowledged(const std::string& type, Victim victim, unsigned after_commits)
{
    CAPTURE(after_commits);
    require_fuse();
    require_vm();
    require_root();
    WorkDisk disk(type);
    const auto qemu = our_processes("qemu");
    REQUIRE(qemu.size() == 1);
    const pid_t killed = victim == Victim::qemu ? qemu.front().pid : disk.mount().worker();
    Acknowledged acknowledged;
    {
        Database database(disk.mount().path());
        for (const gm::Deadline deadline(gm::Millis{60'000}); database.commits() < after_commits;) {
            if (deadline.passed()) {
                FAIL("the writers are stuck");
            }
            std::this_thread::yield();
        }
        REQUIRE(::kill(killed, SIGKILL) == 0);
        acknowledged = database.wait();
    }
    CHECK_FALSE(acknowledged.empty());
    disk.abandon();
    disk.recover();
    for (const auto& [name, content] : acknowledged) {
        CAPTURE(name);
        const std::string kept = content_of(disk.loop() / name);
        CHECK(kept.size() >= content.size());
        CHECK(kept.compare(0, content.size(), content) == 0);
    }
}

} // namespace

TEST_SUITE("e2e")
{
    TEST_CASE("what fsync acknowledged on ext4 is there after kill -9 of qemu")
    {
        for (const unsigned commits : {5U, 80U, 300U}) {
            keeps_what_was_acknowledged("ext4", Victim::qemu, commits);
        }
    }
    TEST_CASE("what fsync acknowledged on ext4 is there after kill -9 of guestmount")
    {
        for (const unsigned commits : {5U, 100U}) {
            keeps_what_was_acknowledged("ext4", Victim::guestmount, commits);
        }
    }
    TEST_CASE("what fsync acknowledged on xfs is there after kill -9 of qemu")
    {
        keeps_what_was_acknowledged("xfs", Victim::qemu, 100);
    }
    TEST_CASE("what fsync acknowledged on btrfs is there after kill -9 of qemu")
    {
        keeps_what_was_acknowledged("btrfs", Victim::qemu, 100);
    }
}
