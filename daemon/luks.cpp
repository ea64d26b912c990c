// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/luks.hpp"

#include "core/base/clock.hpp"
#include "core/base/log.hpp"
#include "core/base/secret.hpp"
#include "core/base/subprocess.hpp"
#include "daemon/device_mapper.hpp"
#include "daemon/luks_header.hpp"

#include <algorithm>
#include <cctype>

namespace gm::daemon {
namespace {

constexpr Millis kKeyLimit{10 * 60'000}; // a key derivation tuned for a fast machine, on an emulated processor
constexpr int kNotTheKey = 2;            // exit status of cryptsetup(8)
constexpr int kNoMemory = 3;

std::string last_line(std::string_view text)
{
    while (text.ends_with('\n')) {
        text.remove_suffix(1);
    }
    return std::string{text.substr(text.rfind('\n') + 1)}; // npos + 1 is 0
}

constexpr std::uint64_t kSector = 512; // the device mapper's

// The parameters of dm-crypt: Documentation/admin-guide/device-mapper/dm-crypt.rst. Holds the key.
Secret crypt_parameters(const LuksSegment& segment, const std::string& path, std::string_view key)
{
    std::string options;
    std::size_t count = 0;
    const auto add = [&](const std::string& option) {
        options += " " + option;
        ++count;
    };
    if (segment.discards) {
        add("allow_discards");
    }
    if (segment.sector_size != kSector) {
        add(fmt::format("sector_size:{}", segment.sector_size));
    }
    fmt::memory_buffer text;
    const auto out = std::back_inserter(text);
    text.reserve(segment.cipher.size() + 2 * key.size() + path.size() + options.size() + 64); // never moved
    fmt::format_to(out, "{} ", segment.cipher);
    for (const char byte : key) {
        fmt::format_to(out, "{:02x}", static_cast<unsigned char>(byte));
    }
    fmt::format_to(out, " {} {} {}", segment.first_iv, path, segment.offset / kSector);
    if (count != 0) {
        fmt::format_to(out, " {}{}", count, options);
    }
    Secret parameters{std::string_view{text.data(), text.size()}};
    ::explicit_bzero(text.data(), text.size());
    return parameters;
}

} // namespace

std::string encryption_of(const BlockContent& content)
{
    if (content.type == "crypto_LUKS") {
        return "LUKS" + content.version;
    }
    return content.type == "BitLocker" ? "BitLocker" : "";
}

std::string mapping_name(const BlockContent& content, std::size_t same)
{
    // The disk says it: only what looks like a UUID becomes part of a path.
    const bool fit =
        !content.uuid.empty() && content.uuid.size() <= 40 &&
        std::ranges::all_of(content.uuid, [](unsigned char c) { return std::isxdigit(c) != 0 || c == '-'; });
    return fmt::format("{}-{}{}", content.type == "BitLocker" ? "bitlk" : "luks", fit ? content.uuid : "without-uuid",
                       same == 0 ? "" : fmt::format("-{}", same + 1));
}

Result<void> open_encrypted(const std::string& path, const BlockContent& content, const std::string& mapping,
                            std::string_view key)
{
    const std::string type = content.type == "BitLocker" ? "bitlk" : "luks";
    const CapturedRun run = GM_TRY(run_captured({"cryptsetup", "open", "--batch-mode", "--type", type, "--tries", "1",
                                                 "--disable-keyring", "--key-file=-", path, mapping},
                                                kKeyLimit, key));
    if (run.status.success()) {
        return {};
    }
    log_debug("cryptsetup: {}: {}", run.status.text(), run.error_output);
    if (!run.status.signalled && run.status.code == kNotTheKey) {
        return make_error(EKEYREJECTED, "the key does not open it");
    }
    if (run.status.signalled || run.status.code == kNoMemory) {
        return make_error(ENOMEM,
                          "its key derivation needs more memory than the appliance has; set LIBGUESTFS_MEMSIZE");
    }
    const std::string reason = last_line(run.error_output);
    return make_error(EIO, "cryptsetup: {}", reason.empty() ? run.status.text() : reason);
}

Result<void> open_by_volume_key(const std::string& path, const BlockContent& content, const std::string& mapping,
                                std::string_view key)
{
    const LuksHeader header = GM_TRY(read_luks_header(path));
    const LuksSegment& segment = header.segment;
    const std::uint64_t end = segment.size != 0 ? segment.offset + segment.size : content.size;
    if (key.size() != header.key_size || segment.offset >= end || end > content.size) {
        return make_error(EINVAL, "the LUKS header does not fit the volume or the key");
    }
    std::string uuid = content.uuid;
    std::erase(uuid, '-');
    const Secret parameters = crypt_parameters(segment, path, key);
    return create_mapping(
        mapping, fmt::format("CRYPT-LUKS{}-{}-{}", header.version, uuid, mapping),
        {.sectors = (end - segment.offset) / kSector, .type = "crypt", .parameters = parameters.text()});
}

} // namespace gm::daemon
