// SPDX-License-Identifier: GPL-2.0-or-later
//
// Every image format that qemu reads, all of them on one virtual machine: the same disk is in each.
#include "tests/support/guest_mount.hpp"
#include "tests/support/program.hpp"
#include "tests/support/requirements.hpp"
#include "tests/support/test_image.hpp"
#include "tests/support/tree.hpp"

#include <doctest/doctest.h>
#include <filesystem>
#include <fmt/ranges.h>

namespace {

using namespace gm::test;
using Words = std::vector<std::string>;

struct Disk {
    std::string file;
    std::string format; // as qemu-img calls it
};

Tree scanned(const std::string& folder)
{
    auto tree = scan_tree(folder, {.xattrs = false});
    REQUIRE_MESSAGE(tree.ok(), problem(tree));
    std::erase_if(*tree, [](const auto& entry) { return entry.first.starts_with("lost+found"); });
    return tree.take_value();
}

void check_same(const std::string& name, const Tree& expected, const Tree& found)
{
    const auto lines = differences(
        expected, found, {.links = false, .inodes = false, .blocks = false, .folder_sizes = false, .xattrs = false});
    CHECK_MESSAGE(lines.empty(), fmt::format("{}: {}", name, fmt::join(lines, "\n")));
}

std::string folder_of(std::size_t disk)
{
    return fmt::format("sd{:c}", 'a' + disk);
}

Words adding(const std::vector<Disk>& disks)
{
    Words options;
    for (const auto& disk : disks) {
        options.insert(options.end(), {"-a", disk.file});
    }
    return options;
}

struct Images {
    Scratch files{"formats"};
    Scratch tree{"tree"};
    std::vector<Disk> written;
    std::vector<Disk> read;

    Images()
    {
        const std::string made = image("image_formats");
        must_run({"tar", "-C", tree.path(), "-xf", made + ".tar"});
        must_run({"tar", "-C", files.path(), "-xSf", made + ".vmdk.tar"});
        for (const std::string name : {"raw", "qcow2-2", "qcow2-3", "qcow2-zlib", "qcow2-zstd", "qcow2-extended",
                                       "qcow", "qed", "vdi", "vdi-static", "vhdx", "vhdx-fixed", "vpc", "parallels"}) {
            must_run({"cp", "--sparse=always", made + "." + name, files / name});
            written.push_back({files / name, name.substr(0, name.find('-'))});
        }
        for (const auto* name : {"monolithicSparse", "monolithicFlat", "twoGbMaxExtentSparse", "twoGbMaxExtentFlat"}) {
            written.push_back({files / (std::string{name} + ".vmdk"), "vmdk"});
        }
        must_run({"cp", files / "qcow2-3", files / "base"});
        must_run({"qemu-img", "create", "-q", "-f", "qcow2", "-b", "base", "-F", "qcow2", files / "middle"});
        must_run({"qemu-img", "create", "-q", "-f", "qcow2", "-b", "middle", "-F", "qcow2", files / "chain"});
        written.push_back({files / "chain", "qcow2"});
        read = {{files / "streamOptimized.vmdk", "vmdk"},
                {made + ".cloop", "cloop"},
                {made + ".dmg", "dmg"},
                {made + ".vpc-fixed", "vpc"}};
    }
};

// What an ext4 image holds by a path in it, as debugfs reads it.
std::string in_image(const std::string& raw, const std::string& path)
{
    return must_run({"debugfs", "-R", "cat " + path, raw});
}

} // namespace

TEST_SUITE("e2e")
{
    TEST_CASE("images of every format are read, and written where qemu can write them")
    {
        require_fuse();
        require_vm();
        require_root();
        const Images images;
        const Tree expected = scanned(images.tree.path());
        const std::string base = sha256(images.files / "base");

        auto options = adding(images.written);
        options.insert(options.end(), {"--all", "--rw"});
        {
            GuestMount mount(options);
            for (std::size_t i = 0; i < images.written.size(); ++i) {
                const std::string folder = mount / folder_of(i);
                check_same(images.written[i].file, expected, scanned(folder));
                write_file(folder + "/new", "written to " + images.written[i].file);
                must_run({"rm", folder + "/folder/size-65537"});
            }
            mount.unmount();
        }
        for (const auto& disk : images.written) {
            const std::string raw = images.files / "as-raw";
            must_run({"qemu-img", "convert", "-f", disk.format, "-O", "raw", disk.file, raw});
            must_run({"e2fsck", "-fn", raw});
            CHECK(in_image(raw, "/new") == "written to " + disk.file);
            CHECK(in_image(raw, "/folder/size-65537").empty());
        }
        CHECK(sha256(images.files / "base") == base);
    }

    TEST_CASE("images of formats that are only read, encrypted ones and disks with large sectors are read")
    {
        require_fuse();
        require_vm();
        require_root();
        const Images images;
        const std::string made = image("image_formats");
        const Tree expected = scanned(images.tree.path());
        auto options = adding(images.read);
        options.insert(options.end(), {"-a", made + ".luks", "--key", "all:key:secret", "--blocksize=4096", "-a",
                                       made + ".sectors", "--all", "--ro"});
        {
            GuestMount mount(options);
            std::size_t found = 0;
            for (const auto& entry : std::filesystem::directory_iterator(mount.path())) {
                check_same(entry.path().filename(), expected, scanned(entry.path()));
                ++found;
            }
            CHECK(found == images.read.size() + 2);
            CHECK(std::filesystem::exists(mount / "sdf1")); // of the disk with large sectors
            mount.unmount();
        }
        const Scratch folder("mnt");
        for (const auto& disk : images.read) {
            if (disk.format == "vpc") {
                continue; // is a raw disk with a trailer, and is written as such
            }
            const Outcome refused =
                run({guestmount_program(), "-a", disk.file, "-m", "/dev/sda", "--rw", folder.path()});
            CHECK(refused.status == gm::ExitStatus{.signalled = false, .code = 1});
            CHECK(lines(refused.error_output).size() == 1);
            CHECK_MESSAGE(refused.error_output.find("'" + disk.file + "' cannot be written: ") != std::string::npos,
                          refused.error_output);
        }
    }
}
