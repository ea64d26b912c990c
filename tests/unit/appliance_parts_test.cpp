// SPDX-License-Identifier: GPL-2.0-or-later
//
// The parts of appliance/ that turn bytes into bytes.
#include "appliance/cpio_archive.hpp"
#include "appliance/elf_image.hpp"
#include "appliance/kernel_command_line.hpp"
#include "appliance/kernel_image.hpp"
#include "appliance/module_file.hpp"
#include "appliance/module_set.hpp"

#include <cstring>
#include <doctest/doctest.h>
#include <elf.h>

using namespace gm::appliance;

namespace {

constexpr std::string_view kModulesDep = "kernel/fs/ext4/ext4.ko: kernel/fs/jbd2/jbd2.ko kernel/lib/crc16.ko\n"
                                         "kernel/fs/jbd2/jbd2.ko: kernel/lib/crc16.ko\n"
                                         "kernel/lib/crc16.ko:\n"
                                         "kernel/drivers/net/e1000.ko:\n"
                                         "kernel/drivers/hw/virtio-rng.ko.xz: kernel/drivers/hw/rng-core.ko.xz\n"
                                         "kernel/drivers/hw/rng-core.ko.xz:\n";

ModuleSet modules()
{
    return ModuleSet::parse(kModulesDep, "kernel/drivers/block/virtio_blk.ko\n").take_value();
}

// An ELF file with one program header, its content, and something behind it that no loader reads.
std::string elf_with(std::uint32_t type, std::string_view content, std::string_view behind)
{
    Elf64_Ehdr header{};
    std::memcpy(header.e_ident, ELFMAG, SELFMAG);
    header.e_ident[EI_CLASS] = ELFCLASS64;
    header.e_ident[EI_DATA] = ELFDATA2LSB;
    header.e_phoff = sizeof header;
    header.e_phnum = 1;
    Elf64_Phdr program{};
    program.p_type = type;
    program.p_offset = sizeof header + sizeof program;
    program.p_filesz = content.size();
    std::string bytes(sizeof header + sizeof program, '\0');
    std::memcpy(bytes.data(), &header, sizeof header);
    std::memcpy(bytes.data() + sizeof header, &program, sizeof program);
    return bytes.append(content).append(behind);
}

void put(std::string& bytes, std::size_t at, std::string_view what)
{
    bytes.replace(at, what.size(), what);
}

} // namespace

TEST_SUITE("appliance")
{
    TEST_CASE("a module is loaded after all that it needs, and each one once")
    {
        const auto order = modules().load_order({"ext4", "jbd2"}, true).take_value();
        CHECK(order ==
              std::vector<std::string>{"kernel/lib/crc16.ko", "kernel/fs/jbd2/jbd2.ko", "kernel/fs/ext4/ext4.ko"});
    }

    TEST_CASE("module names match with dash or underscore, packed or not")
    {
        const auto order = modules().load_order({"virtio_rng"}, true).take_value();
        CHECK(order.back() == "kernel/drivers/hw/virtio-rng.ko.xz");
        CHECK(order.size() == 2);
    }

    TEST_CASE("a built-in module needs no loading, an unknown one is an error only when required")
    {
        CHECK(modules().load_order({"virtio_blk"}, true).take_value().empty());
        CHECK(modules().load_order({"nonsense"}, false).take_value().empty());
        const auto missing = modules().load_order({"nonsense"}, true);
        REQUIRE_FALSE(missing.ok());
        CHECK(missing.error().errno_value == ENOENT);
        CHECK(missing.error().text.find("nonsense") != std::string::npos);
    }

    TEST_CASE("a glob takes modules with all that they need")
    {
        CHECK(modules().matching({"kernel/fs/ext4/*"}) ==
              std::set<std::string>{"kernel/fs/ext4/ext4.ko", "kernel/fs/jbd2/jbd2.ko", "kernel/lib/crc16.ko"});
    }

    TEST_CASE("the list of modules is sorted into its groups")
    {
        const auto lists = ModuleLists::parse("initrd a\nboot b\ntemplate c\nkeep d/*\nboot e\n").take_value();
        CHECK(lists.initrd == std::vector<std::string>{"a"});
        CHECK(lists.at_boot == std::vector<std::string>{"b", "e"});
        CHECK(lists.before_template == std::vector<std::string>{"c"});
        CHECK(lists.keep == std::vector<std::string>{"d/*"});
        CHECK_FALSE(ModuleLists::parse("sometimes f\n").ok());
    }

    TEST_CASE("a signature is cut off, and what only looks like one is kept")
    {
        const std::string mark = "~Module signature appended~\n";
        const std::string description = std::string(8, '\x02') + std::string{"\x00\x00\x00\x05", 4};
        CHECK(without_signature("module"
                                "12345" +
                                description + mark) == "module");
        CHECK(without_signature("module") == "module");
        CHECK(without_signature("abc" + description + mark) == "abc" + description + mark); // longer than the file
    }

    TEST_CASE("only what a loader reads is kept of a program")
    {
        const auto program = elf_with(PT_LOAD, "code", "symbols");
        CHECK(loadable_part(program).take_value() == elf_with(PT_LOAD, "code", ""));
        CHECK_FALSE(loadable_part(elf_with(PT_LOAD, "code", "").substr(0, 122)).ok()); // cut within the code
        CHECK_FALSE(loadable_part("#!/bin/sh").ok());
        CHECK_FALSE(loadable_part("").ok());
    }

    TEST_CASE("a kernel that qemu can start directly is recognised by its note")
    {
        const auto note = [](std::uint32_t type) {
            const Elf64_Nhdr header{.n_namesz = 4, .n_descsz = 4, .n_type = type};
            std::string bytes(sizeof header, '\0');
            std::memcpy(bytes.data(), &header, sizeof header);
            return bytes + std::string{"Xen\0", 4} + "addr";
        };
        CHECK(has_pvh_entry(elf_with(PT_NOTE, note(6) + note(18), "")));
        CHECK_FALSE(has_pvh_entry(elf_with(PT_NOTE, note(6), "")));
        CHECK_FALSE(has_pvh_entry(elf_with(PT_NOTE, note(18).substr(0, 10), "")));
        CHECK_FALSE(has_pvh_entry("no ELF"));
    }

    TEST_CASE("the packed kernel inside a bzImage is found by its header")
    {
        std::string image(2048, '\0');
        const std::string payload = std::string{"\xfd"
                                                "7zXZ"} +
                                    "packed" + "size";
        image[0x1f1] = 1; // one setup sector after the boot sector
        put(image, 0x202, "HdrS");
        put(image, 0x206, std::string_view{"\x0f\x02", 2});
        put(image, 0x248, std::string_view{"\x10\x00\x00\x00", 4});
        put(image, 0x24c, std::string_view{"\x0f\x00\x00\x00", 4});
        put(image, 2 * 512 + 16, payload);
        const auto packed = packed_kernel(image);
        REQUIRE(packed);
        CHECK(packed->payload == payload.substr(0, payload.size() - 4)); // without the size behind it
        CHECK(packed->unpack_argv == std::vector<std::string>{"xz", "-dc"});

        put(image, 0x24c, std::string_view{"\xff\xff\xff\x7f", 4}); // reaches beyond the file
        CHECK_FALSE(packed_kernel(image));
        CHECK_FALSE(packed_kernel("too short"));
    }

    TEST_CASE("an initramfs entry is written as the kernel reads it")
    {
        CpioArchive archive;
        archive.add_file("init", 0755, "hello");
        const auto bytes = std::move(archive).finish();
        CHECK(bytes.starts_with("07070100000001000081ed00000000000000000000000100000000000000050000000000000000"
                                "00000000000000000000000500000000init"));
        CHECK(bytes.substr(110, 5) == std::string_view{"init\0", 5});
        CHECK(bytes.substr(116, 8) == std::string_view{"hello\0\0\0", 8}); // both name and content padded to four
        CHECK(bytes.find("TRAILER!!!") != std::string::npos);
        CHECK(bytes.size() % 4 == 0);
    }

    TEST_CASE("the kernel is quiet unless asked, and takes what the user appends last")
    {
        CHECK(kernel_command_line({}).find("quiet") != std::string::npos);
        CHECK(kernel_command_line({}).find("console=") == std::string::npos);
        const auto line = kernel_command_line({.verbose = true, .console = "ttyS0", .appended = "debug mem=1G"});
        CHECK(line.find("quiet") == std::string::npos);
        CHECK(line.find(" console=ttyS0") != std::string::npos);
        CHECK(line.ends_with(" debug mem=1G"));
        CHECK(line.find("panic=1") == 0);
    }
}
