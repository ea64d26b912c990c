// SPDX-License-Identifier: GPL-2.0-or-later
//
// guestmount-domain-disks [URI] NAME|UUID: tells the disks of a libvirt domain as JSON on standard output, passwords
// included: for guestmount alone, which reads it from a pipe. A program of its own, so that libvirt and all that it
// loads cost only those mounts that need it.
#include "mount/domain/domain_xml.hpp"

#include <cstdio>
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>
#include <memory>
#include <nlohmann/json.hpp>

namespace gm::mount {
namespace {

using Json = nlohmann::json;

template <auto Free>
struct Freed {
    template <typename T>
    void operator()(T* object) const
    {
        Free(object);
    }
};
using Connection = std::unique_ptr<virConnect, Freed<virConnectClose>>;
using Domain = std::unique_ptr<virDomain, Freed<virDomainFree>>;
using Pool = std::unique_ptr<virStoragePool, Freed<virStoragePoolFree>>;
using Volume = std::unique_ptr<virStorageVol, Freed<virStorageVolFree>>;
using SecretObject = std::unique_ptr<virSecret, Freed<virSecretFree>>;
struct FreeText {
    void operator()(char* text) const { std::free(text); }
};
using Text = std::unique_ptr<char, FreeText>;

Error libvirt_error(std::string_view what)
{
    const auto* last = ::virGetLastError();
    return make_error(EIO, "{}: {}", what,
                      last != nullptr && last->message != nullptr ? last->message : "unknown error");
}

Result<Connection> connect(const char* uri, bool read_only)
{
    Connection connection{::virConnectOpenAuth(uri, virConnectAuthPtrDefault, read_only ? VIR_CONNECT_RO : 0)};
    if (!connection) {
        return libvirt_error(fmt::format("libvirt '{}'", uri != nullptr ? uri : "default connection"));
    }
    return connection;
}

Result<std::string> volume_path(virConnectPtr connection, const std::string& pool, const std::string& volume)
{
    const Pool in{::virStoragePoolLookupByName(connection, pool.c_str())};
    const Volume found{in ? ::virStorageVolLookupByName(in.get(), volume.c_str()) : nullptr};
    const Text path{found ? ::virStorageVolGetPath(found.get()) : nullptr};
    if (!path) {
        return libvirt_error(fmt::format("volume '{}' of pool '{}'", volume, pool));
    }
    return std::string{path.get()};
}

// Secrets are told only to connections that may also write.
Result<std::string> secret(const char* uri, const std::string& uuid, const std::string& type, const std::string& usage)
{
    const Connection connection = GM_TRY(connect(uri, false));
    const int kind = type == "ceph" ? VIR_SECRET_USAGE_TYPE_CEPH : VIR_SECRET_USAGE_TYPE_ISCSI;
    const SecretObject found{!uuid.empty() ? ::virSecretLookupByUUIDString(connection.get(), uuid.c_str())
                                           : ::virSecretLookupByUsage(connection.get(), kind, usage.c_str())};
    std::size_t size = 0;
    unsigned char* value = found ? ::virSecretGetValue(found.get(), &size, 0) : nullptr;
    if (value == nullptr) {
        return libvirt_error(fmt::format("secret '{}'", uuid.empty() ? usage : uuid));
    }
    const std::unique_ptr<char, FreeText> owned{reinterpret_cast<char*>(value)};
    return std::string{owned.get(), size};
}

Result<Json> describe(const char* uri, const std::string& name)
{
    const Connection connection = GM_TRY(connect(uri, true));
    Domain domain{::virDomainLookupByUUIDString(connection.get(), name.c_str())};
    if (!domain) {
        domain.reset(::virDomainLookupByName(connection.get(), name.c_str()));
    }
    if (!domain) {
        return make_error(ENOENT, "there is no domain '{}'", name);
    }
    virDomainInfo info{};
    const Text xml{::virDomainGetXMLDesc(domain.get(), 0)};
    if (!xml || ::virDomainGetInfo(domain.get(), &info) == -1) {
        return libvirt_error(fmt::format("domain '{}'", name));
    }
    const DomainLookups lookups{
        .volume_path = [&](const std::string& pool,
                           const std::string& volume) { return volume_path(connection.get(), pool, volume); },
        .secret = [&](const std::string& uuid, const std::string& type,
                      const std::string& usage) { return secret(uri, uuid, type, usage); }};
    auto disks = parse_domain_disks(xml.get(), lookups);
    if (!disks) {
        return with_context(disks.take_error(), fmt::format("domain '{}'", name));
    }
    Json list = Json::array();
    for (const auto& disk : *disks) {
        list.push_back({{"source", disk.source}, {"format", disk.format}, {"read_only", disk.read_only}});
    }
    return Json{{"running", info.state != VIR_DOMAIN_SHUTOFF}, {"disks", std::move(list)}};
}

int run(int argc, char** argv)
{
    if (argc != 2 && argc != 3) {
        std::fputs("usage: guestmount-domain-disks [URI] NAME|UUID\n", stderr);
        return EXIT_FAILURE;
    }
    ::virSetErrorFunc(nullptr, [](void*, virErrorPtr) {}); // it would print them
    auto told = ::virInitialize() == 0 ? describe(argc == 3 ? argv[1] : nullptr, argv[argc - 1])
                                       : Result<Json>{libvirt_error("libvirt")};
    if (!told) {
        std::fprintf(stderr, "%s\n", told.error().text.c_str());
        return EXIT_FAILURE;
    }
    std::puts(told->dump(-1, ' ', false, Json::error_handler_t::replace).c_str());
    return std::fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

} // namespace
} // namespace gm::mount

int main(int argc, char** argv)
{
    return gm::mount::run(argc, argv);
}
