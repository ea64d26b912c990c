// SPDX-License-Identifier: LGPL-2.1-or-later
#include "appliance/elf_image.hpp"

#include <algorithm>
#include <cstring>
#include <elf.h>
#include <optional>
#include <vector>

namespace gm::appliance {
namespace {

constexpr std::uint32_t kXenPhys32Entry = 18;

template <typename T>
std::optional<T> read_at(std::string_view bytes, std::uint64_t offset)
{
    if (offset > bytes.size() || bytes.size() - offset < sizeof(T)) {
        return std::nullopt;
    }
    T value{};
    std::memcpy(&value, bytes.data() + offset, sizeof value);
    return value;
}

std::optional<std::vector<Elf64_Phdr>> program_headers(std::string_view elf)
{
    const auto header = read_at<Elf64_Ehdr>(elf, 0);
    if (!header || std::memcmp(header->e_ident, ELFMAG, SELFMAG) != 0 || header->e_ident[EI_CLASS] != ELFCLASS64 ||
        header->e_ident[EI_DATA] != ELFDATA2LSB) {
        return std::nullopt;
    }
    std::vector<Elf64_Phdr> headers;
    for (std::uint64_t i = 0; i < header->e_phnum; ++i) {
        const auto one = read_at<Elf64_Phdr>(elf, header->e_phoff + i * sizeof(Elf64_Phdr));
        if (!one || one->p_offset > elf.size() || one->p_filesz > elf.size() - one->p_offset) {
            return std::nullopt;
        }
        headers.push_back(*one);
    }
    return headers;
}

} // namespace

Result<std::string_view> loadable_part(std::string_view elf)
{
    const auto headers = program_headers(elf);
    if (!headers || headers->empty()) {
        return make_error(ENOEXEC, "not a whole 64-bit ELF image");
    }
    std::uint64_t end = read_at<Elf64_Ehdr>(elf, 0)->e_phoff + headers->size() * sizeof(Elf64_Phdr);
    for (const auto& one : *headers) {
        end = std::max(end, one.p_offset + one.p_filesz);
    }
    return elf.substr(0, end);
}

bool has_pvh_entry(std::string_view elf)
{
    const auto headers = program_headers(elf);
    if (!headers) {
        return false;
    }
    const auto padded = [](std::uint64_t size) { return (size + 3) & ~std::uint64_t{3}; };
    for (const auto& one : *headers) {
        if (one.p_type != PT_NOTE) {
            continue;
        }
        const auto notes = elf.substr(one.p_offset, one.p_filesz);
        std::uint64_t at = 0;
        while (const auto note = read_at<Elf64_Nhdr>(notes, at)) {
            const auto name = notes.substr(std::min(at + sizeof *note, notes.size()), 4);
            if (note->n_type == kXenPhys32Entry && note->n_namesz == 4 && name == std::string_view{"Xen\0", 4}) {
                return true;
            }
            at += sizeof *note + padded(note->n_namesz) + padded(note->n_descsz);
        }
    }
    return false;
}

} // namespace gm::appliance
