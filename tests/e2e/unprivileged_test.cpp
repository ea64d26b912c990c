// SPDX-License-Identifier: GPL-2.0-or-later
//
// The same as an ordinary user, with fusermount3 and no root anywhere.
#include "tests/support/guest_mount.hpp"
#include "tests/support/program.hpp"
#include "tests/support/requirements.hpp"
#include "tests/support/test_image.hpp"

#include <doctest/doctest.h>
#include <filesystem>
#include <fmt/ranges.h>
#include <unistd.h>

namespace {

using namespace gm::test;
namespace fs = std::filesystem;

constexpr unsigned kUser = 65534; // nobody: fusermount3 wants a user with a name

// A folder of the user's own, and programs run as that user.
class User {
public:
    User() : home_("user")
    {
        require_fuse();
        require_vm();
        require_root();
        // TMPDIR belongs to root and is closed to others; the user passes through to what is the user's.
        must_run({"chmod", "711", fs::path(home_.path()).parent_path()});
        fs::create_directory(home_ / "mnt");
        fs::create_directory(home_ / "tmp");
        // The appliance, once for all users of this test, in a folder that they own.
        fs::create_directories(cache());
        must_run({"chown", fmt::format("{0}:{0}", kUser), cache()});
        give();
    }
    // What root put into the home becomes the user's.
    void give() const { must_run({"chown", "-hR", fmt::format("{0}:{0}", kUser), home_.path()}); }
    [[nodiscard]] const Scratch& home() const { return home_; }

    [[nodiscard]] Outcome run_as(const std::vector<std::string>& argv, gm::Millis timeout = gm::Millis{120'000}) const
    {
        std::vector<std::string> all{"setpriv",
                                     fmt::format("--reuid={}", kUser),
                                     fmt::format("--regid={}", kUser),
                                     "--clear-groups",
                                     "--inh-caps=-all",
                                     "env",
                                     "-u",
                                     "HOME",
                                     "LIBGUESTFS_CACHEDIR=" + cache(),
                                     "TMPDIR=" + (home_ / "tmp")};
        all.insert(all.end(), argv.begin(), argv.end());
        return run(all, timeout);
    }
    std::string must_run_as(const std::vector<std::string>& argv) const
    {
        Outcome outcome = run_as(argv);
        REQUIRE_MESSAGE(outcome.success(), fmt::format("{}: {}", fmt::join(argv, " "), outcome.text()));
        return std::move(outcome.output);
    }

private:
    static std::string cache() { return "/var/tmp/.guestmount-tests"; }
    Scratch home_;
};

} // namespace

TEST_SUITE("e2e")
{
    TEST_CASE("an ordinary user mounts, works and unmounts")
    {
        const User user;
        const std::string disk = image_copy("small", user.home());
        user.give();
        const std::string mnt = user.home() / "mnt";
        user.must_run_as({guestmount_program(), "-a", disk, "-m", "/dev/sda", "--rw", mnt});
        CHECK(user.must_run_as({"cat", mnt + "/hello"}) == "hello from the image\n");
        // The mounting user acts as the guest's root: may read and write all, and what is created is root's.
        user.must_run_as({"bash", "-c",
                          R"(cd "$1" && mkdir mine && echo text >mine/file && chmod 0 hello && cat hello)", "bash",
                          mnt});
        CHECK(user.must_run_as({"stat", "-c", "%u:%g", mnt + "/mine/file"}) == "0:0\n");
        // Nobody else may look, not even root.
        CHECK_FALSE(run({"ls", mnt}).success());
        user.must_run_as({guestunmount_program(), mnt});
        must_run({"e2fsck", "-fn", disk});
        CHECK(must_run({"debugfs", "-R", "cat /mine/file", disk}) == "text\n");
    }

    TEST_CASE("a root file system that can only be read, no HOME and no /var/tmp are enough with a TMPDIR")
    {
        const User user;
        const std::string disk = image_copy("small", user.home());
        user.give();
        // A container in small: mounts of its own, no write to anything but the user's folder.
        const auto outcome =
            run({"unshare", "-m", "bash", "-c", R"(
set -e
mount --bind "$1" "$1"
mount -o remount,ro,bind /
for folder in /var/tmp /tmp; do if mountpoint -q $folder; then mount -o remount,ro,bind $folder; fi; done
! touch /var/tmp/written 2>/dev/null
as_user() { setpriv --reuid=$2 --regid=$2 --clear-groups --inh-caps=-all env -i PATH="$PATH" TMPDIR="$1/tmp" "${@:3}"; }
as_user "$1" $2 "$3" -a "$4" -m /dev/sda --rw "$1/mnt"
as_user "$1" $2 sh -c 'cat "$1/hello" && echo text >"$1/written"' sh "$1/mnt"
as_user "$1" $2 "$5" "$1/mnt"
)",
                 "bash", user.home().path(), std::to_string(kUser), guestmount_program(), disk, guestunmount_program()},
                gm::Millis{120'000});
        REQUIRE_MESSAGE(outcome.success(), outcome.text());
        CHECK(outcome.output == "hello from the image\n");
        CHECK(must_run({"debugfs", "-R", "cat /written", disk}) == "text\n");
    }

    TEST_CASE("allow_other without user_allow_other in fuse.conf is one clear line")
    {
        const User user;
        if (run({"grep", "-q", "^user_allow_other", "/etc/fuse.conf"}).success()) {
            MESSAGE("fuse.conf of this machine allows it");
            return;
        }
        const Outcome outcome = user.run_as({guestmount_program(), "-a", image("small"), "-m", "/dev/sda", "--ro", "-o",
                                             "allow_other", user.home() / "mnt"});
        CHECK(outcome.status == gm::ExitStatus{.signalled = false, .code = 1});
        CHECK(lines(outcome.error_output).size() == 1);
        CHECK_MESSAGE(outcome.error_output.find("user_allow_other") != std::string::npos, outcome.text());
    }

    TEST_CASE("an image or a mountpoint that the user may not use is named")
    {
        const User user;
        const std::string disk = image_copy("small", user.home());
        must_run({"chmod", "600", disk});
        const auto refused = [&](const std::string& image_file, const std::string& mountpoint,
                                 const std::string& name) {
            const Outcome outcome =
                user.run_as({guestmount_program(), "-a", image_file, "-m", "/dev/sda", "--ro", mountpoint});
            INFO(outcome.text());
            CHECK(outcome.status == gm::ExitStatus{.signalled = false, .code = 1});
            CHECK(lines(outcome.error_output).size() == 1);
            CHECK(outcome.error_output.find(name) != std::string::npos);
        };
        refused(disk, user.home() / "mnt", disk);
        const Scratch closed("roots");
        must_run({"chmod", "755", closed.path()});
        fs::create_directory(closed / "mnt");
        refused(image("small"), closed / "mnt", closed / "mnt");
    }

    TEST_CASE("a read-write mount of a disk that may only be read says so")
    {
        const User user;
        const std::string disk = image_copy("small", user.home());
        must_run({"chmod", "644", disk});
        const Outcome outcome =
            user.run_as({guestmount_program(), "-a", disk, "-m", "/dev/sda", "--rw", user.home() / "mnt"});
        INFO(outcome.text());
        CHECK(outcome.status == gm::ExitStatus{.signalled = false, .code = 1});
        CHECK(lines(outcome.error_output).size() == 1);
        CHECK(outcome.error_output.find(disk) != std::string::npos);
    }
}
