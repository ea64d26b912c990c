// SPDX-License-Identifier: LGPL-2.1-or-later
#include "appliance/host_kernel.hpp"

#include "core/base/syscall.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <vector>

namespace gm::appliance {
namespace {

std::string environment(const char* name)
{
    const char* value = std::getenv(name);
    return value == nullptr ? std::string{} : std::string{value};
}

Error unreadable(const std::string& image)
{
    return make_error(
        EACCES,
        "kernel '{0}' cannot be read: as root, run 'chmod 0644 {0}' (to keep it over updates, "
        "'dpkg-statoverride --update --add root root 0644 {0}'), or let SUPERMIN_KERNEL name a readable one",
        image);
}

// A bzImage names its version: a string at the 16-bit offset 0x20e, relative to 0x200 (Linux x86 boot protocol).
std::string version_in_header(const std::string& image)
{
    constexpr std::size_t kHeader = 0x200;
    const auto file = open_file(image, O_RDONLY);
    std::string start(kHeader + 0x10000, '\0');
    if (!file.ok()) {
        return {};
    }
    const auto got = retry([&] { return ::pread(file.value().get(), start.data(), start.size(), 0); });
    start.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    if (start.size() < kHeader + 0x10 || start.compare(kHeader + 2, 4, "HdrS") != 0) {
        return {};
    }
    const auto low = static_cast<unsigned char>(start[kHeader + 0xe]);
    const auto high = static_cast<unsigned char>(start[kHeader + 0xf]);
    const std::size_t at = kHeader + (static_cast<std::size_t>(high) << 8U | low);
    return at < start.size() ? start.substr(at, start.find_first_of(std::string_view{" \0", 2}, at) - at)
                             : std::string{};
}

std::string version_in_name(const std::string& image)
{
    const auto name = std::filesystem::path{image}.filename().string();
    const auto dash = name.find('-');
    return dash == std::string::npos ? std::string{} : name.substr(dash + 1);
}

Result<HostKernel> chosen_kernel(const KernelChoice& choice)
{
    HostKernel kernel{.image = choice.image, .version = choice.version, .modules_folder = choice.modules};
    if (::access(kernel.image.c_str(), R_OK) == -1) {
        return errno == EACCES ? unreadable(kernel.image)
                               : system_error(errno, fmt::format("SUPERMIN_KERNEL '{}'", kernel.image));
    }
    if (kernel.version.empty()) {
        kernel.version = version_in_header(kernel.image);
    }
    if (kernel.version.empty()) {
        kernel.version = version_in_name(kernel.image);
    }
    if (kernel.modules_folder.empty()) {
        kernel.modules_folder = choice.modules_root + '/' + kernel.version;
    }
    if (::access((kernel.modules_folder + "/modules.dep").c_str(), R_OK) == -1) {
        return make_error(ENOENT, "kernel '{}': no modules in '{}' (SUPERMIN_MODULES can name their folder)",
                          kernel.image, kernel.modules_folder);
    }
    return kernel;
}

} // namespace

KernelChoice KernelChoice::from_environment()
{
    KernelChoice choice;
    choice.image = environment("SUPERMIN_KERNEL");
    choice.version = environment("SUPERMIN_KERNEL_VERSION");
    choice.modules = environment("SUPERMIN_MODULES");
    return choice;
}

Result<HostKernel> find_host_kernel(const KernelChoice& choice)
{
    if (!choice.image.empty()) {
        return chosen_kernel(choice);
    }
    std::vector<HostKernel> candidates;
    std::error_code ignored; // a folder that is not there holds no kernel
    const auto consider = [&](std::string image, std::string version) {
        std::string modules = choice.modules_root + '/' + version;
        if (::access(image.c_str(), F_OK) == 0 && ::access((modules + "/modules.dep").c_str(), R_OK) == 0) {
            candidates.push_back({std::move(image), std::move(version), std::move(modules)});
        }
    };
    for (const auto& entry : std::filesystem::directory_iterator{choice.boot_folder, ignored}) {
        if (entry.path().filename().string().starts_with("vmlinuz-")) {
            consider(entry.path(), version_in_name(entry.path()));
        }
    }
    for (const auto& entry : std::filesystem::directory_iterator{choice.modules_root, ignored}) {
        consider(entry.path() / "vmlinuz", entry.path().filename());
    }
    if (candidates.empty()) {
        return make_error(
            ENOENT,
            "no kernel with modules in {} and {}: install one (Debian package linux-image-amd64), or name "
            "one by SUPERMIN_KERNEL and SUPERMIN_MODULES",
            choice.boot_folder, choice.modules_root);
    }
    // Newest first; at the same version the one in the boot folder stays in front.
    std::stable_sort(candidates.begin(), candidates.end(), [](const HostKernel& a, const HostKernel& b) {
        return ::strverscmp(a.version.c_str(), b.version.c_str()) > 0;
    });
    for (const auto& kernel : candidates) {
        if (::access(kernel.image.c_str(), R_OK) == 0) {
            return kernel;
        }
    }
    return unreadable(candidates.front().image);
}

} // namespace gm::appliance
