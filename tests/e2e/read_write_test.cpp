// SPDX-License-Identifier: GPL-2.0-or-later
//
// --rw: what was done through the mount is what the disk holds afterwards, and the file system is sound.
#include "tests/support/guest_mount.hpp"
#include "tests/support/loop_mount.hpp"
#include "tests/support/program.hpp"
#include "tests/support/requirements.hpp"
#include "tests/support/test_image.hpp"
#include "tests/support/tree.hpp"

#include <doctest/doctest.h>
#include <fmt/ranges.h>

namespace {

using namespace gm::test;

struct FileSystem {
    std::vector<std::string> make;
    std::vector<std::string> check;
};

std::string new_disk(const Scratch& folder, const FileSystem& type)
{
    const std::string disk = folder / "disk.img";
    must_run({"truncate", "-s", "1G", disk});
    auto argv = type.make;
    argv.push_back(disk);
    must_run(argv);
    return disk;
}

// What people and scripts do to a tree; run in the mount and, for comparison, in a plain folder.
constexpr const char* kWork = R"(set -e; cd "$1"
  tar --xattrs --xattrs-include='*' --acls -xf "$2"
  # edited in place, appended, replaced, truncated, extended
  for f in many/file-1??; do echo appended >>"$f"; done
  for f in many/file-2??; do sed -i 's/line/LINE/' "$f"; done
  for f in many/file-30?; do : >"$f"; done
  for f in many/file-31?; do truncate -s 100000 "$f"; done
  # renamed, within a folder, across folders, over another, a folder with content
  for n in 0 1 2 3 4 5 6 7 8 9; do mv many/file-40$n many/renamed-$n; mv many/file-41$n other/moved-$n; done
  mv many/file-420 many/file-421
  mv tree/a tree/b/a-moved
  # linked and unlinked
  for n in 0 1 2 3 4; do ln many/file-50$n other/link-$n; ln -s ../many/file-50$n other/symlink-$n; done
  rm many/file-51? other/link-4
  rm -r tree/c
  mkdir -p new/deep/er; rmdir new/deep/er
  # attributes
  chmod 0640 many/file-520; chmod 4755 many/file-521; chown 1234:4321 many/file-522
  touch -d '2001-02-03 04:05:06.789012345 UTC' many/file-523
  setfattr -n user.changed -v yes many/file-524
  mkfifo new/pipe; mknod new/null c 1 3
  dd if=/dev/zero of=new/big bs=1M count=20 status=none; dd if=/dev/urandom of=new/random bs=100000 count=50 status=none
  cp new/random new/copy; cmp new/random new/copy
  cat new/random >"$3"
)";
constexpr const char* kMakeTree = R"(set -e; cd "$1"
  mkdir many other tree tree/a tree/b tree/c tree/a/inner
  for n in $(seq 0 1999); do printf 'line one of %s\nline two\n' "$n" >many/file-$n; done
  head -c 300000 /dev/urandom >tree/a/inner/data; ln tree/a/inner/data tree/b/data-too
  ln -s inner/data tree/a/link; echo c >tree/c/c; setfattr -n user.kept -v value tree/a/inner/data
  setfacl -m u:1000:rw tree/a/inner/data; chmod 2755 tree/b; chown 1000:1000 tree/a
  find . -print0 | xargs -0 touch -h -d '2015-05-05 05:05:05.123456789 UTC'
  tar --xattrs --xattrs-include='*' --acls --format=posix -cf "$2" .
)";

void worked_on_like_a_folder(const FileSystem& type)
{
    require_fuse();
    require_vm();
    require_root();
    const Scratch folder("work");
    const Scratch source("source");
    const std::string disk = new_disk(folder, type);
    must_run({"bash", "-c", kMakeTree, "bash", source.path(), folder / "tree.tar"});

    GuestMount mount({"-a", disk, "-m", "/dev/sda", "--rw"});
    must_run({"bash", "-c", kWork, "bash", mount.path(), folder / "tree.tar", folder / "random"}, gm::Millis{120'000});
    auto seen = scan_tree(mount.path(), {.holes = false});
    REQUIRE_MESSAGE(seen.ok(), problem(seen));
    mount.unmount();

    auto check = type.check;
    check.push_back(disk);
    const Outcome checked = run(check);
    CHECK_MESSAGE(checked.success(), checked.text());
    const LoopMount loop(disk);
    auto kept = scan_tree(loop.path(), {.holes = false});
    REQUIRE_MESSAGE(kept.ok(), problem(kept));
    CHECK(kept->size() > 1900);
    // The disk holds what the mount showed. Change times are the guest's: the host's kernel shows its own until then.
    auto lines = differences(*kept, *seen);
    CHECK_MESSAGE(lines.empty(), fmt::format("{}", fmt::join(lines, "\n")));
    // And it is what the same work does to a plain folder. Only what depends on the moment is left out.
    const Scratch plain("plain");
    must_run({"bash", "-c", kWork, "bash", plain.path(), folder / "tree.tar", "/dev/null"});
    must_run({"cp", folder / "random", plain / "new/random"});
    must_run({"cp", folder / "random", plain / "new/copy"});
    auto expected = scan_tree(plain.path());
    REQUIRE_MESSAGE(expected.ok(), problem(expected));
    for (const char* extra : {"lost+found", ""}) { // the root's own attributes are the file system maker's
        kept->erase(extra);
        expected->erase(extra);
    }
    for (auto& [path, entry] : *kept) { // xfs shows its ACLs by these names too
        std::erase_if(entry.xattrs, [](const auto& xattr) { return xattr.first.starts_with("trusted.SGI_"); });
    }
    lines =
        differences(*expected, *kept,
                    {.times = false, .folder_links = false, .inodes = false, .blocks = false, .folder_sizes = false});
    CHECK_MESSAGE(lines.empty(), fmt::format("{}", fmt::join(lines, "\n")));
}

} // namespace

TEST_SUITE("e2e")
{
    TEST_CASE("work on an ext4 disk ends on the disk, and e2fsck finds it clean")
    {
        worked_on_like_a_folder({{"mke2fs", "-q", "-F", "-t", "ext4"}, {"e2fsck", "-fn"}});
    }
    TEST_CASE("work on an xfs disk ends on the disk, and xfs_repair finds it clean")
    {
        worked_on_like_a_folder({{"mkfs.xfs", "-q", "-f"}, {"xfs_repair", "-n"}});
    }
    TEST_CASE("work on a btrfs disk ends on the disk, and btrfs check finds it clean")
    {
        worked_on_like_a_folder({{"mkfs.btrfs", "-q", "-f"}, {"btrfs", "check", "--readonly"}});
    }

    TEST_CASE("a qcow2 on a backing file takes the changes, and the backing file none")
    {
        require_fuse();
        require_vm();
        require_root();
        const Scratch folder("chain");
        const std::string base = image_copy("small", folder, "base.img");
        const std::string before = sha256(base);
        const std::string top = folder / "top.qcow2";
        must_run({"qemu-img", "create", "-q", "-f", "qcow2", "-b", base, "-F", "raw", top});
        {
            GuestMount mount({"-a", top, "-m", "/dev/sda", "--rw"});
            write_file(mount / "written", "into the overlay\n");
            mount.unmount();
        }
        CHECK(sha256(base) == before);
        must_run({"qemu-img", "check", "-q", top});
        must_run({"qemu-img", "convert", "-O", "raw", top, folder / "flat.img"});
        const LoopMount loop(folder / "flat.img");
        CHECK(content_of(loop / "written") == "into the overlay\n");
        CHECK(content_of(loop / "hello") == "hello from the image\n");
    }

    TEST_CASE("fsync returns when the data is in the image file, whatever happens to qemu then")
    {
        require_fuse();
        require_vm();
        require_root();
        const Scratch folder("fsync");
        const std::string disk = image_copy("small", folder);
        {
            GuestMount mount({"-a", disk, "-m", "/dev/sda", "--rw"});
            must_run({"bash", "-c", R"(cd "$1" && seq 50000 >numbers && sync numbers . && pkill -KILL -P "$2" qemu)",
                      "bash", mount.path(), fmt::format("{}", mount.worker())});
        }
        LoopMount loop(disk, "rw"); // replays the journal, as the next boot would
        const std::string numbers = content_of(loop / "numbers");
        CHECK(numbers.size() == 288'894);
        CHECK(numbers.ends_with("49999\n50000\n"));
        loop.unmount();
        must_run({"e2fsck", "-fn", disk});
    }
}
