// SPDX-License-Identifier: GPL-2.0-or-later
#include "mount/domain/domain_xml.hpp"

#include <doctest/doctest.h>

namespace {

using namespace gm;
using namespace gm::mount;

const DomainLookups kLookups{
    .volume_path = [](const std::string& pool, const std::string& volume) -> Result<std::string> {
        return "/pools/" + pool + "/" + volume;
    },
    .secret = [](const std::string& uuid, const std::string& type, const std::string& usage) -> Result<std::string> {
        return uuid + type + usage + "@/";
    }};

Result<std::vector<DomainDisk>> disks(const std::string& devices)
{
    return parse_domain_disks("<domain type='kvm'><name>d</name><devices>" + devices + "</devices></domain>", kLookups);
}

DomainDisk only(const std::string& disk)
{
    const auto found = disks(disk);
    REQUIRE_MESSAGE(found.ok(), (found.ok() ? "" : found.error().text));
    REQUIRE(found->size() == 1);
    return found->front();
}

TEST_SUITE("domain xml")
{
    TEST_CASE("hard disks are told in their order with format and mode, drives for media are not")
    {
        const auto found = disks(R"(
            <disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='/a &amp; b.qcow2'/>
              <target dev='vda'/></disk>
            <disk type='file' device='cdrom'><source file='/x.iso'/><target dev='hda'/><readonly/></disk>
            <disk type='file' device='floppy'><target dev='fda'/></disk>
            <disk type='block'><source dev='/dev/vg/lv'/><target dev='vdb'/><readonly/></disk>
            <disk type='volume' device='disk'><driver type='raw'/><source pool='p' volume='v'/><target dev='vdc'/></disk>)");
        REQUIRE(found.ok());
        CHECK(*found == std::vector<DomainDisk>{{"/a & b.qcow2", "qcow2", false},
                                                {"/dev/vg/lv", "raw", true},
                                                {"/pools/p/v", "raw", false}});
    }

    TEST_CASE("network disks become the URIs that -a takes")
    {
        CHECK(only(R"(<disk type='network'><driver type='qcow2'/><source protocol='nbd' name='my vol'>
                      <host name='::1' port='10809'/></source></disk>)") ==
              DomainDisk{"nbd://[::1]:10809/my%20vol", "qcow2", false});
        CHECK(only(R"(<disk type='network'><source protocol='nbd' name='e'><host transport='unix' socket='/run/a b'/>
                      </source></disk>)")
                  .source == "nbd+unix:///e?socket=/run/a%20b");
        CHECK(
            only(
                R"(<disk type='network'><source protocol='https' name='/d/x.img' query='?a=b'><host name='h' port='443'/>
                      </source></disk>)")
                .source == "https://h:443/d/x.img?a=b");
        CHECK(only(R"(<disk type='network'><auth username='me'><secret type='iscsi' usage='u'/></auth>
                      <source protocol='iscsi' name='iqn.2013-07.com.example:t/1'><host name='h' port='3260'/></source>
                      </disk>)")
                  .source == "iscsi://me:iscsiu%40%2F@h:3260/iqn.2013-07.com.example:t/1");
        CHECK(only(R"(<disk type='network'><source protocol='rbd' name='pool/image'><host name='m' port='6789'/>
                      <auth username='me'><secret type='ceph' uuid='7'/></auth></source></disk>)")
                  .source == "rbd://me:7ceph%40%2F@m:6789/pool/image");
    }

    TEST_CASE("what cannot be opened is refused, and the disk named")
    {
        for (const char* disk :
             {"<disk type='network'><source protocol='gluster' name='v/i'><host name='h'/></source><target "
              "dev='vda'/></disk>",
              "<disk type='dir'><source dir='/d'/><target dev='vda'/></disk>",
              "<disk type='file'><target dev='vda'/></disk>",
              "<disk type='file'><source file='/a'><encryption format='luks'/></source><target dev='vda'/></disk>"}) {
            const auto found = disks(disk);
            REQUIRE_FALSE(found.ok());
            CHECK(found.error().text.find("'vda'") != std::string::npos);
        }
        CHECK_FALSE(parse_domain_disks("<domain>", kLookups).ok());
    }
}

} // namespace
