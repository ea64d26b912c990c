// SPDX-License-Identifier: GPL-2.0-or-later
//
// --ro shows exactly what the host kernel's loop mount of the same image shows, and never changes the image.
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

Tree scanned(const std::string& folder, const ScanOptions& options = {})
{
    auto tree = scan_tree(folder, options);
    REQUIRE_MESSAGE(tree.ok(), problem(tree));
    return tree.take_value();
}

void check_same(const Tree& expected, const Tree& found, const CompareOptions& options = {})
{
    REQUIRE(expected.size() > 1);
    const auto lines = differences(expected, found, options);
    CHECK_MESSAGE(lines.empty(), fmt::format("{}", fmt::join(lines, "\n")));
}

Tree oracle(const std::string& recipe)
{
    const LoopMount loop(image(recipe));
    return scanned(loop.path(), {.holes = true});
}

void mounted_like_a_loop_mount(const std::string& recipe)
{
    require_fuse();
    require_vm();
    require_root();
    const std::string disk = image(recipe);
    const std::string before = sha256(disk);
    {
        GuestMount mount({"-a", disk, "-m", "/dev/sda", "--ro"});
        check_same(oracle(recipe), scanned(mount.path(), {.holes = true}), {.change_times = true});
        mount.unmount();
    }
    CHECK(sha256(disk) == before);
}

// What a foreign file system keeps of a tree: names, types, sizes and contents.
void holds_what_was_put_in(const std::string& recipe)
{
    require_fuse();
    require_vm();
    require_root();
    const std::string disk = image(recipe);
    const std::string before = sha256(disk);
    const Scratch put_in("put-in");
    must_run({"tar", "-C", put_in.path(), "-xf", disk + ".tar"});
    {
        GuestMount mount({"-a", disk, "-m", "/dev/sda", "--ro"});
        check_same(scanned(put_in.path(), {.xattrs = false}), scanned(mount.path(), {.xattrs = false}),
                   {.owners_and_modes = false,
                    .times = false,
                    .links = false,
                    .inodes = false,
                    .blocks = false,
                    .folder_sizes = false,
                    .xattrs = false});
        mount.unmount();
    }
    CHECK(sha256(disk) == before);
}

} // namespace

TEST_SUITE("e2e")
{
    TEST_CASE("an ext4 disk mounted read-only is identical to its loop mount")
    {
        mounted_like_a_loop_mount("ext4");
    }
    TEST_CASE("an xfs disk mounted read-only is identical to its loop mount")
    {
        mounted_like_a_loop_mount("xfs");
    }
    TEST_CASE("a btrfs disk mounted read-only is identical to its loop mount")
    {
        mounted_like_a_loop_mount("btrfs");
    }
    TEST_CASE("a FAT disk mounted read-only holds what was put in")
    {
        holds_what_was_put_in("vfat");
    }
    TEST_CASE("an NTFS disk mounted read-only holds what was put in")
    {
        holds_what_was_put_in("ntfs");
    }

    TEST_CASE("a journal that needs replay is replayed in memory, and the image stays as it was")
    {
        require_fuse();
        require_vm();
        require_root();
        const std::string disk = image("dirty_journal");
        const std::string before = sha256(disk);
        {
            GuestMount mount({"-a", disk, "-m", "/dev/sda", "--ro"});
            CHECK(content_of(mount / "new") == "committed to the journal only\n");
            CHECK(content_of(mount / "folder/moved") == "checkpointed long ago\n");
            const Scratch folder("replayed");
            const std::string copy = image_copy("dirty_journal", folder);
            LoopMount(copy, "rw").unmount();
            const LoopMount loop(copy);
            check_same(scanned(loop.path(), {.holes = true}), scanned(mount.path(), {.holes = true}),
                       {.change_times = true});
            mount.unmount();
        }
        CHECK(sha256(disk) == before);
    }

    TEST_CASE("a read-only mount refuses every change with EROFS")
    {
        require_fuse();
        require_vm();
        require_root();
        GuestMount mount({"-a", image("small"), "-m", "/dev/sda", "--ro"});
        const std::string script = R"(cd "$1" || exit 9
            for change in 'touch hello' 'rm hello' 'mkdir new' 'mv hello new' 'ln hello new' 'ln -s a new' \
                'chmod 600 hello' 'chown 1 hello' 'truncate -s 0 hello' 'mknod new p' 'rmdir folder' \
                'setfattr -n user.a -v b hello'; do
              if message=$($change 2>&1); then echo "worked: $change"; fi
              case $message in *'Read-only file system'*) ;; *) echo "$change: $message" ;; esac
            done)";
        CHECK(must_run({"bash", "-c", script, "bash", mount.path()}) == "");
        mount.unmount();
    }

    TEST_CASE("MBR partitions, logical ones too, are mounted where -m says")
    {
        require_fuse();
        require_vm();
        require_root();
        GuestMount mount({"-a", image("partitions_mbr"), "-m", "/dev/sda5", "-m", "/dev/sda1:/mnt", "-m",
                          "/dev/sda6:/mnt/mnt", "--ro"});
        CHECK(content_of(mount / "name") == "logical\n");
        CHECK(content_of(mount / "mnt/name") == "primary\n");
        CHECK(content_of(mount / "mnt/mnt/name") == "xlogical\n");
        mount.unmount();
    }

    TEST_CASE("GPT partitions keep their numbers")
    {
        require_fuse();
        require_vm();
        require_root();
        GuestMount mount({"-a", image("partitions_gpt"), "-m", "/dev/sda7", "--ro"});
        CHECK(content_of(mount / "name") == "seven\n");
        mount.unmount();
    }

    TEST_CASE("several disks are named in the order of -a")
    {
        require_fuse();
        require_vm();
        require_root();
        const std::string small = image("small");
        GuestMount mount({"-a", image("partitions_gpt"), "-a", small, "-a", image("partitions_mbr"), "-m",
                          "/dev/sdc6:/", "-m", "/dev/sdb:/mnt", "-m", "/dev/sda1:/mnt/folder", "--ro"});
        CHECK(content_of(mount / "name") == "xlogical\n");
        CHECK(content_of(mount / "mnt/hello") == "hello from the image\n");
        CHECK(content_of(mount / "mnt/folder/name") == "one\n");
        mount.unmount();
    }

    TEST_CASE("mount options and the file system's type are taken from -m")
    {
        require_fuse();
        require_vm();
        require_root();
        GuestMount mount({"-a", image("small"), "-m", "/dev/sda:/:noload:ext4", "--ro"});
        CHECK(content_of(mount / "hello") == "hello from the image\n");
        mount.unmount();
    }

    TEST_CASE("every image format is recognised without --format")
    {
        require_fuse();
        require_vm();
        require_root();
        const Scratch folder("formats");
        const std::string raw = image("small");
        const std::string numbers = [&] {
            const LoopMount loop(raw, "ro,noload");
            return content_of(loop / "folder/numbers");
        }();
        std::vector<std::vector<std::string>> conversions = {
            {"raw", "raw"},   {"qcow2", "qcow2"}, {"compressed", "qcow2", "-c"}, {"vmdk", "vmdk"}, {"vdi", "vdi"},
            {"vhdx", "vhdx"}, {"vpc", "vpc"}};
        for (const auto& conversion : conversions) {
            std::vector<std::string> argv{"qemu-img", "convert", "-O", conversion[1]};
            argv.insert(argv.end(), conversion.begin() + 2, conversion.end());
            argv.insert(argv.end(), {raw, folder / conversion[0]});
            must_run(argv);
        }
        must_run({"qemu-img", "create", "-q", "-f", "qcow2", "-b", "qcow2", "-F", "qcow2", folder / "middle"});
        must_run({"qemu-img", "create", "-q", "-f", "qcow2", "-b", "middle", "-F", "qcow2", folder / "chain"});
        conversions.push_back({"chain", "qcow2"});
        for (const auto& conversion : conversions) {
            CAPTURE(conversion[0]);
            const std::string before = sha256(folder / conversion[0]);
            GuestMount mount({"-a", folder / conversion[0], "-m", "/dev/sda", "--ro"});
            CHECK(content_of(mount / "hello") == "hello from the image\n");
            CHECK(content_of(mount / "link") == numbers);
            mount.unmount();
            CHECK(sha256(folder / conversion[0]) == before);
        }
    }
}
