// SPDX-License-Identifier: GPL-2.0-or-later
//
// Programs that are hard on a file system, on a writable mount. Each checks its own results; afterwards the file system
// is sound and a loop mount shows what the mount showed.
#include "tests/support/program.hpp"
#include "tests/support/requirements.hpp"
#include "tests/support/test_image.hpp"
#include "tests/support/work_disk.hpp"

#include <doctest/doctest.h>

namespace {

using namespace gm::test;

constexpr gm::Millis kLimit{120'000};

void require_all()
{
    require_fuse();
    require_vm();
    require_root();
}

// Eight jobs each, one kind after the other. Every block carries its checksum and is read back.
constexpr const char* kFioJobs = R"([global]
directory=.
size=1m
numjobs=8
bsrange=4k-64k
rw=randwrite
verify=crc32c
verify_fatal=1
verify_state_save=0
group_reporting=1
[buffered]
ioengine=psync
stonewall
[buffered-and-synced]
ioengine=psync
fsync=8
stonewall
[direct]
ioengine=libaio
iodepth=4
direct=1
stonewall
[mapped]
ioengine=mmap
stonewall
[mixed]
ioengine=psync
rw=randrw
size=512k
stonewall
)";

void fio_reads_what_it_wrote(const std::string& type)
{
    require_all();
    require_workload("fio");
    WorkDisk disk(type);
    write_file(disk.files() / "jobs", kFioJobs);
    must_run({"sh", "-c", R"(cd "$1" && exec fio --output=/dev/null "$2")", "sh", disk.mount().path(),
              disk.files() / "jobs"},
             kLimit);
    disk.verify();
}

// stress-ng's stressors of file systems that work in one folder. Left out: those for other things than regular file
// systems (binderfs, procfs, bind-mount), those that FUSE has no interface for (fanotify, fiemap, verity), iomix, whose
// writers go on after it made their file immutable, and link and symlink, which make 8,192 names whatever the limit.
// Not io: its syncfs(2) may be told EINTR of another stressor's write-back, which the kernel's FUSE gives up when a process
// is killed.
constexpr const char* kStressors[] = {
    "access chdir chmod chown dentry dir dirdeep dirmany filename getdent mknod rename touch utime",
    "aio copy-file dup fallocate fcntl flock fpunch fsize fstat hdd lease locka lockf lockofd open readahead",
    "chattr file-ioctl inode-flags seek sync-file xattr",
};

void stress_ng_finds_nothing(const std::string& type)
{
    require_all();
    require_workload("stress-ng");
    WorkDisk disk(type);
    for (const char* group : kStressors) {
        const Outcome outcome = run({"bash", "-c",
                                     R"(cd "$1" || exit 9; options=()
                    for stressor in $2; do options+=("--$stressor" 1); done
                    exec stress-ng --temp-path . --timeout 3 --oomable --verify --hdd-bytes 1m --fallocate-bytes 2m \
                      --seek-size 2m --readahead-bytes 2m --dentries 100 "${options[@]}")",
                                     "bash", disk.mount().path(), group},
                                    kLimit);
        CHECK_MESSAGE(outcome.success(), outcome.text());
        CHECK_MESSAGE(outcome.error_output.find("fail:") == std::string::npos, outcome.text());
    }
    disk.verify();
}

constexpr const char* kGitWork = R"sh(set -e
  export GIT_CONFIG_NOSYSTEM=1 GIT_CONFIG_GLOBAL=/dev/null
  export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@example.org GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@example.org
  mkdir "$2/origin"; cd "$2/origin"; git init -q -b main .
  for commit in 1 2 3; do
    mkdir "folder$commit"
    for n in $(seq 40); do seq $((n * commit)) $((n * commit + 200)) >"folder$commit/file$n"; done
    git add .; git commit -q -m "commit $commit"
  done
  git clone -q --no-hardlinks . "$1/clone"; cd "$1/clone"
  git fsck --full --strict
  for n in $(seq 20); do echo changed >>"folder1/file$n"; git mv "folder2/file$n" "folder3/moved$n"; done
  git commit -q -a -m changes
  git gc -q --prune=now
  git fsck --full --strict
  git clone -q . ../second; cd ../second
  git checkout -q HEAD~2; git checkout -q main
  git fsck --full
  test -z "$(git status --porcelain)"
  git rev-parse HEAD
)sh";

void git_keeps_its_repository(const std::string& type)
{
    require_all();
    require_workload("git");
    WorkDisk disk(type);
    const Scratch origin("origin");
    const std::string head = must_run({"bash", "-c", kGitWork, "bash", disk.mount().path(), origin.path()}, kLimit);
    disk.verify();
    must_run({"git", "-C", disk.loop() / "clone", "fsck", "--full", "--strict"});
    must_run({"git", "-C", disk.loop() / "second", "fsck", "--full", "--strict"});
    CHECK(must_run({"git", "-C", disk.loop() / "second", "rev-parse", "HEAD"}) == head);
}

// With a write-ahead log (a mapped file that all writers share) and with a rollback journal (POSIX locks).
constexpr const char* kSqliteWork = R"(set -e; cd "$1"
  table='CREATE TABLE t(writer INT, number INT, bytes BLOB);'
  sqlite3 wal.db "PRAGMA journal_mode=WAL; $table" >/dev/null
  sqlite3 rollback.db "$table"
  pids=
  for writer in 1 2 3 4; do
    for db in wal rollback; do
      for n in $(seq 20); do
        echo "BEGIN IMMEDIATE; INSERT INTO t VALUES($writer, $n, randomblob(3000)); COMMIT;"
      done | sqlite3 -bail -cmd '.timeout 60000' "$db.db" & pids="$pids $!"
    done
  done
  for pid in $pids; do wait "$pid"; done
)";
constexpr const char* kSqliteCheck = R"(for db in wal rollback; do
  sqlite3 "$1/$db.db" 'PRAGMA integrity_check; SELECT count(*), count(DISTINCT writer * 1000 + number) FROM t'; done)";

void sqlite_keeps_its_rows(const std::string& type)
{
    require_all();
    require_workload("sqlite3");
    const std::string all = "ok\n80|80\nok\n80|80\n";
    WorkDisk disk(type);
    must_run({"bash", "-c", kSqliteWork, "bash", disk.mount().path()}, kLimit);
    CHECK(must_run({"bash", "-c", kSqliteCheck, "bash", disk.mount().path()}) == all);
    disk.verify();
    const Scratch copy("copy"); // which sqlite may write to
    must_run({"sh", "-c", R"(cp "$1"/*.db* "$2")", "sh", disk.loop().path(), copy.path()});
    CHECK(must_run({"bash", "-c", kSqliteCheck, "bash", copy.path()}) == all);
}

// Backups of the mount and of a loop mount are the same. rsync cannot handle paths beyond PATH_MAX, and files of
// gigabytes of zeros take it long.
void backs_up_like_a_loop_mount(const std::string& type)
{
    require_all();
    WorkDisk disk(type);
    must_run({"bash", "-c",
              R"(. "$2/common.sh" unused; fill_odd "$1"; cd "$1/odd"; rm -r deep many sizes/{all-hole,beyond-4g})",
              "bash", disk.mount().path(), recipe_folder()},
             kLimit);
    disk.mount().unmount();
    disk.check_soundness();
    const std::string copy = disk.files() / "copy.img";
    must_run({"cp", "--sparse=always", disk.image(), copy});
    const LoopMount loop(copy, "rw,noatime");
    GuestMount mount({"-a", disk.image(), "-m", "/dev/sda:/:noatime", "--rw"});
    const auto archive = [&](const std::string& folder, const std::string& file) {
        must_run({"tar", "-C", folder, "--acls", "--xattrs", "--xattrs-include=*", "--selinux", "--sparse",
                  "--sparse-version=0.0", "-cf", file, "."},
                 kLimit);
        return sha256(file);
    };
    CHECK(archive(mount.path(), disk.files() / "mount.tar") == archive(loop.path(), disk.files() / "loop.tar"));
    const auto difference = [&](const std::string& from, const std::string& to) {
        return must_run({"rsync", "-aHAXS", "--checksum", "--dry-run", "--delete", "-i", from + "/", to + "/"}, kLimit);
    };
    CHECK(difference(mount.path(), loop.path()) == "");
    CHECK(difference(loop.path(), mount.path()) == "");
    mount.unmount();
}

} // namespace

TEST_SUITE("e2e")
{
    TEST_CASE("fio reads on ext4 what it wrote: buffered, synced, direct and mapped, eight jobs at once")
    {
        fio_reads_what_it_wrote("ext4");
    }
    TEST_CASE("fio reads on xfs what it wrote: buffered, synced, direct and mapped, eight jobs at once")
    {
        fio_reads_what_it_wrote("xfs");
    }
    TEST_CASE("stress-ng's file system stressors find nothing wrong with a mounted ext4 disk")
    {
        stress_ng_finds_nothing("ext4");
    }
    TEST_CASE("git clones, checks and packs repositories on ext4")
    {
        git_keeps_its_repository("ext4");
    }
    TEST_CASE("sqlite's concurrent writers lose nothing on ext4")
    {
        sqlite_keeps_its_rows("ext4");
    }
    TEST_CASE("sqlite's concurrent writers lose nothing on btrfs")
    {
        sqlite_keeps_its_rows("btrfs");
    }
    TEST_CASE("tar and rsync see no difference between a mounted ext4 disk and its loop mount")
    {
        backs_up_like_a_loop_mount("ext4");
    }
    TEST_CASE("tar and rsync see no difference between a mounted xfs disk and its loop mount")
    {
        backs_up_like_a_loop_mount("xfs");
    }
}
