// SPDX-License-Identifier: GPL-2.0-or-later
//
// Every type of file system that the appliance mounts, all of them on the disks of one virtual machine: what is written
// is sound and stays, what was put in is there.
#include "tests/support/guest_mount.hpp"
#include "tests/support/program.hpp"
#include "tests/support/requirements.hpp"
#include "tests/support/test_image.hpp"
#include "tests/support/tree.hpp"

#include <cstdlib>
#include <doctest/doctest.h>
#include <filesystem>
#include <fmt/ranges.h>

namespace {

using namespace gm::test;
using Words = std::vector<std::string>;

struct Written {
    const char* name;  // of the image
    const char* check; // the checker and its options; nothing: there is none
};

constexpr Written kWritten[] = {
    {"ext2", "e2fsck -fn"},
    {"ext3", "e2fsck -fn"},
    {"ext4", "e2fsck -fn"},
    {"xfs", "xfs_repair -n"},
    {"btrfs", "btrfs check --readonly"},
    {"vfat-12", "fsck.fat -n"},
    {"vfat-16", "fsck.fat -n"},
    {"vfat-32", "fsck.fat -n"},
    {"exfat", "fsck.exfat -n"},
    {"ntfs", "ntfsresize --check --force"},
    {"jfs", "jfs_fsck -n -f"},
    {"reiserfs", "reiserfsck --check --quiet --yes"},
    {"nilfs2", ""},
    {"f2fs", "fsck.f2fs --dry-run"},
    {"minix-1", "fsck.minix -f"},
    {"minix-2", "fsck.minix -f"},
    {"minix-3", "fsck.minix -f"},
    {"udf", ""},
    {"hfs", ""},
    {"bfs", ""},
};

// Also the types, before the first dash, that a warning names when they were to be written.
constexpr const char* kRead[] = {"iso9660-rock",  "iso9660-joliet", "udf-disc",       "squashfs-gzip",  "squashfs-xz",
                                 "squashfs-zstd", "squashfs-lz4",   "squashfs-lzo",   "erofs",          "romfs",
                                 "ufs-1",         "ufs-2",          "ufs-big-endian", "ntfs-hibernated"};

// What the tree of a type cannot hold.
constexpr std::string_view kFlat = "bfs"; // no folders, names of 14 bytes

Tree scanned(const std::string& folder)
{
    auto tree = scan_tree(folder, {.xattrs = false});
    REQUIRE_MESSAGE(tree.ok(), problem(tree));
    for (auto entry = tree->begin(); entry != tree->end();) {
        const bool own = entry->first.starts_with("lost+found") || entry->first == ".nilfs" ||
                         entry->first == "hiberfil.sys" || entry->first.starts_with("rr_moved") ||
                         entry->first.ends_with("junction");
        if (S_ISDIR(entry->second.status.st_mode)) {
            entry->second.status.st_mtim = {}; // whoever fills a folder changes it
        }
        entry = own ? tree->erase(entry) : std::next(entry);
    }
    return tree.take_value();
}

void check_same(const std::string& name, const Tree& expected, const Tree& found, bool times)
{
    const auto lines = differences(expected, found,
                                   {.owners_and_modes = false,
                                    .times = times,
                                    .links = false,
                                    .inodes = false,
                                    .blocks = false,
                                    .folder_sizes = false,
                                    .xattrs = false});
    CHECK_MESSAGE(lines.empty(), fmt::format("{}: {}", name, fmt::join(lines, "\n")));
}

// The disks in the order of their names, which tells what they are called in the guest.
struct Disks {
    Words options;
    Words names;

    void add(const std::string& name, const std::string& file)
    {
        options.insert(options.end(), {"-a", file});
        names.push_back(name);
    }
    // Of the folder in which --all mounts the disk.
    [[nodiscard]] std::string folder(const std::string& name) const
    {
        const auto at = static_cast<std::size_t>(std::find(names.begin(), names.end(), name) - names.begin());
        REQUIRE(at < 26 * 26);
        return at < 26 ? fmt::format("sd{:c}", 'a' + at) : fmt::format("sd{:c}{:c}", 'a' + at / 26 - 1, 'a' + at % 26);
    }
};

// Fills a new file system as a person would, in steps that leave the given tree.
void fill(const std::string& name, const std::string& tree, const std::string& folder)
{
    if (name == kFlat) {
        must_run({"cp", "-r", tree + "/.", folder});
        return;
    }
    std::filesystem::create_directory(folder + "/draft");
    write_file(folder + "/draft/old", "to be replaced");
    must_run({"cp", "-r", "--preserve=timestamps", tree + "/.", folder + "/draft"});
    must_run({"rm", folder + "/draft/old"});
    must_run({"truncate", "-s", "100", folder + "/draft/folder/size-511"});
    must_run({"cp", "--preserve=timestamps", tree + "/folder/size-511", folder + "/draft/folder/size-511"});
    for (const auto& entry : std::filesystem::directory_iterator(tree)) {
        const std::string leaf = entry.path().filename();
        std::filesystem::rename(folder + "/draft/" + leaf, folder + "/" + leaf);
    }
    std::filesystem::remove(folder + "/draft");
}

void check_soundness(const Written& one, const std::string& image)
{
    std::string command = one.check;
    if (command.empty()) {
        return;
    }
    const Outcome outcome = run({"sh", "-c", command + " \"$1\"", "sh", image});
    CHECK_MESSAGE(outcome.success(), fmt::format("{} {}: {}", command, one.name, outcome.text()));
}

} // namespace

TEST_SUITE("e2e")
{
    TEST_CASE("file systems of every type can be read, and written where Linux can write them")
    {
        require_fuse();
        require_vm();
        require_root();
        const std::string made = image("filesystems");
        const Scratch files("filesystems");
        const Scratch tree("tree");
        const Scratch flat("flat");
        must_run({"tar", "-C", tree.path(), "-xf", made + ".tar"});
        must_run({"cp", "-r", tree / "folder/.", flat.path()});
        must_run({"rm", "-r", flat / "inner"});

        Disks disks;
        for (const auto& one : kWritten) {
            must_run({"cp", "--sparse=always", made + "." + one.name, files / one.name});
            disks.add(one.name, files / one.name);
        }
        for (const auto* name : kRead) {
            must_run({"cp", "--sparse=always", made + "." + name, files / name});
            disks.add(name, files / name);
        }
        {
            auto options = disks.options;
            options.insert(options.end(), {"--all", "--rw"});
            GuestMount mount(options);
            for (const auto& one : kWritten) {
                CAPTURE(std::string{one.name});
                fill(one.name, one.name == kFlat ? flat.path() : tree.path(), mount / disks.folder(one.name));
            }
            for (const std::string name : kRead) {
                CAPTURE(std::string{name});
                const std::string folder = disks.folder(name);
                const std::string reason =
                    name == "ntfs-hibernated" ? "Windows is hibernated in it"
                    : name == "udf-disc"
                        ? "write protected"
                        : "file systems of type '" + name.substr(0, name.find('-')) + "' can only be read";
                CHECK_MESSAGE(mount.said().find("'/dev/" + folder + "' is mounted read-only: ") != std::string::npos,
                              mount.said());
                CHECK_MESSAGE(mount.said().find(reason) != std::string::npos, mount.said());
                CHECK_FALSE(run({"touch", mount / (folder + "/new")}).success());
            }
            mount.unmount();
        }
        for (const auto& one : kWritten) {
            check_soundness(one, files / one.name);
        }
        for (const auto* name : {"cramfs", "none", "hfsplus"}) { // the last is a disc with a partition of HFS+
            disks.add(name, made + "." + name);
        }
        auto options = disks.options;
        options.insert(options.end(), {"--all", "--ro"});
        GuestMount mount(options);
        CHECK(mount.said() ==
              fmt::format("guestmount: mount '/dev/{0}' at '/{0}': the appliance's kernel does not know "
                          "file systems of type 'cramfs'\n",
                          disks.folder("cramfs")));
        const Tree expected = scanned(tree.path());
        const Tree expected_flat = scanned(flat.path());
        for (const auto& one : kWritten) {
            CAPTURE(std::string{one.name});
            check_same(one.name, one.name == kFlat ? expected_flat : expected, scanned(mount / disks.folder(one.name)),
                       one.name != kFlat);
        }
        for (const auto* name : kRead) {
            CAPTURE(std::string{name});
            check_same(name, expected, scanned(mount / disks.folder(name)), false);
        }
        const std::string windows = mount / disks.folder("ntfs-hibernated");
        CHECK(std::filesystem::read_symlink(windows + "/junction") == "folder");
        CHECK(std::filesystem::read_symlink(windows + "/folder/inner/junction") == "../../folder");
        CHECK(std::filesystem::read_symlink(windows + "/empty/junction") == "../.NTFS-3G/D:/elsewhere");
        CHECK(content_of(windows + "/folder/inner/junction/size-511") == content_of(tree / "folder/size-511"));
        check_same("hfsplus", expected, scanned(mount / disks.folder("hfsplus")), false);
        mount.unmount();
        const GuestMount plus({"-a", made + ".hfsplus", "-m", "/dev/sda3", "--ro"});
        check_same("hfsplus", expected, scanned(plus.path()), false);
    }
}
