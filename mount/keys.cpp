// SPDX-License-Identifier: GPL-2.0-or-later
#include "mount/keys.hpp"

#include "core/guest/drive_uri.hpp"

#include "core/base/syscall.hpp"

#include <algorithm>
#include <string_view>
#include <strings.h>

namespace gm::mount {
namespace {

constexpr std::string_view kText = "key:";
constexpr std::string_view kFile = "file:";
constexpr std::string_view kClevis = "clevis";

// The other usual names of disks mean the same.
std::string as_drive(std::string_view name)
{
    const bool other = name.starts_with("/dev/vd") || name.starts_with("/dev/hd");
    return other ? "/dev/sd" + std::string{name.substr(7)} : std::string{name};
}

} // namespace

Result<VolumeKey> VolumeKey::parse(const char* text)
{
    const std::string_view all = text;
    const auto colon = all.find(':');
    const auto rest = colon == all.npos ? std::string_view{} : all.substr(colon + 1);
    VolumeKey key;
    key.id = all.substr(0, colon);
    if (key.id.empty() || rest.empty()) {
        return make_error(EINVAL, "--key: it looks like --key /dev/sda2:key:PASSPHRASE, or --key all:file:FILE");
    }
    if (rest.starts_with(kText)) {
        key.bytes = Secret{rest.substr(kText.size())};
        if (key.bytes.size() == 0) {
            return make_error(EINVAL, "--key {}: the passphrase is empty", key.id);
        }
        return key;
    }
    if (rest.starts_with(kFile)) {
        key.file = rest.substr(kFile.size());
        return key;
    }
    if (rest == kClevis) {
        return make_error(
            EINVAL,
            "--key {}:clevis: the appliance has no network to ask a server with; give the key with {}:key: "
            "or {}:file:",
            key.id, key.id, key.id);
    }
    return make_error(EINVAL, "--key {}: neither 'key:' nor 'file:' follows the name of the volume", key.id);
}

Result<void> load_key_files(std::vector<VolumeKey>& keys)
{
    std::vector<VolumeKey> loaded;
    for (auto& key : keys) {
        if (key.file.empty()) {
            loaded.push_back(std::move(key));
            continue;
        }
        auto content = read_file(key.file, kMostOfKey);
        if (!content.ok()) {
            return with_context(content.take_error(), fmt::format("--key {}:file:", key.id));
        }
        std::string_view bytes = *content;
        if (bytes.ends_with('\n')) {
            const auto line = bytes.substr(0, bytes.size() - 1);
            if (!line.empty()) {
                loaded.push_back({.id = key.id, .bytes = Secret{line}, .file = {}});
            }
        }
        if (!bytes.empty()) {
            loaded.push_back({.id = key.id, .bytes = Secret{bytes}, .file = {}});
        }
        const bool empty = bytes.empty();
        wipe(*content);
        if (empty) {
            return make_error(EINVAL, "--key {}:file:{}: the file is empty", key.id, key.file);
        }
    }
    keys = std::move(loaded);
    return {};
}

bool is_for(const VolumeKey& key, const rpc::EncryptedVolume& volume)
{
    const std::string id = as_drive(key.id);
    const std::string_view uuid = std::string_view{id}.substr(id.starts_with("UUID=") ? 5 : 0);
    return id == "all" || std::ranges::find(volume.names, id) != volume.names.end() ||
           (!volume.uuid.empty() && ::strcasecmp(std::string{uuid}.c_str(), volume.uuid.c_str()) == 0);
}

void hide_secrets(int argc, char** argv)
{
    constexpr std::string_view mark = ":key:";
    for (int i = 1; i < argc; ++i) {
        const std::string_view argument = argv[i];
        const auto at = argument.find(mark);
        if (at != argument.npos) {
            std::fill(argv[i] + at + mark.size(), argv[i] + argument.size(), 'x');
        }
        const auto password = password_in(argument);
        std::fill_n(argv[i] + (password.empty() ? 0 : password.data() - argument.data()), password.size(), 'x');
    }
}

} // namespace gm::mount
