// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/fuzz/targets.hpp"

#include "core/base/syscall.hpp"
#include "core/rpc/call_sequence.hpp"
#include "core/rpc/frame.hpp"
#include "core/rpc/procedures.hpp"
#include "daemon/inspect/device_spec.hpp"
#include "daemon/inspect/fstab.hpp"
#include "daemon/inspect/registry.hpp"
#include "daemon/inspect/release_files.hpp"
#include "daemon/luks_header.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <sys/mman.h>
#include <unistd.h>

namespace gm::test {
namespace {

void promise(bool kept, const char* text)
{
    if (!kept) {
        std::fprintf(stderr, "broken: %s\n", text);
        std::abort();
    }
}

template <typename T>
void decode_and_back(std::span<const std::byte> bytes)
{
    const auto value = rpc::decode<T>(bytes);
    if (value.ok()) {
        rpc::Encoder encoder;
        encoder.put(*value);
        promise(std::ranges::equal(encoder.bytes(), bytes), "what is decoded encodes to the same bytes");
    } else {
        promise(value.error().errno_value != 0, "an error has an errno");
    }
}

} // namespace

void fuzz_codec(std::span<const std::byte> input)
{
    if (input.size() < 2) {
        return;
    }
    const auto id = static_cast<rpc::ProcId>(static_cast<unsigned>(input[0]) | static_cast<unsigned>(input[1]) << 8U);
    const auto bytes = input.subspan(2);
    rpc::Procedures::visit(id, [&]<typename P>(std::type_identity<P>) {
        decode_and_back<typename P::Args>(bytes);
        decode_and_back<typename P::Reply>(bytes);
    });
    decode_and_back<rpc::ErrorBody>(bytes);
    decode_and_back<rpc::ProgressBody>(bytes);
}

void fuzz_frames(std::span<const std::byte> input)
{
    const UniqueFd stream(::memfd_create("frames", MFD_CLOEXEC));
    promise(write_all(stream.get(), input).ok() && ::lseek(stream.get(), 0, SEEK_SET) == 0, "a memory file works");
    rpc::FrameReader reader(stream.get());
    std::size_t total = 0;
    for (;;) {
        const auto frame = reader.next();
        if (!frame.ok() || !frame->has_value()) {
            return;
        }
        const auto& header = (*frame)->header;
        total += rpc::kHeaderSize + header.body_size + header.bulk_size;
        promise((*frame)->body.size() == header.body_size, "a body is as long as its header says");
        promise(header.body_size + header.bulk_size + rpc::kHeaderSize <= rpc::kMaxMessage,
                "a message keeps the limit");
        promise(total <= input.size(), "no byte is read twice");
    }
}

void fuzz_answers(std::span<const std::byte> input)
{
    // A sequence of two calls, answered by the input.
    rpc::CallSequence sequence;
    unsigned answered = 0;
    sequence.add<rpc::SetAttr>({}, [&](const auto&) { ++answered; });
    sequence.add<rpc::ReadXattrs>({}, [&](const auto&) { ++answered; });
    auto answers = rpc::Bulk::allocate(input.size());
    std::ranges::copy(input, answers.writable().begin());
    static_cast<void>(sequence.finish(rpc::RunSequence::Reply{std::move(answers)}).ok());
    promise(answered == 2, "every call of a sequence gets an answer or an error");
    promise(sequence.empty(), "an answered sequence is empty");
}

void fuzz_guest_files(std::span<const std::byte> input)
{
    const std::string_view text{reinterpret_cast<const char*>(input.data()), input.size()};
    for (const auto& release : {daemon::parse_os_release(text), daemon::parse_lsb_release(text)}) {
        promise(!release || !release->distribution.empty(), "a release has a name");
        promise(!release || release->version.size() <= daemon::GuestTree::kMostLine, "a version has its limit");
    }
    const auto entries = daemon::parse_fstab(text);
    promise(entries.size() <= daemon::kMostMounts, "fstab has its limit");
    for (const auto& entry : entries) {
        promise(entry.mountpoint.starts_with('/') && (entry.mountpoint + "/").find("/../") == std::string::npos,
                "a mountpoint lies in the guest");
        static_cast<void>(daemon::lasting_options(entry));
        static_cast<void>(daemon::resolve_spec(entry.spec, {}, {}));
    }
    static_cast<void>(daemon::resolve_spec(text, {}, {}));
    promise(daemon::parse_crypttab(text).size() <= daemon::kMostMounts, "crypttab has its limit");
    static_cast<void>(daemon::parse_registry_values(text));
}

void fuzz_luks_header(std::span<const std::byte> input)
{
    const auto parse = [](std::string_view bytes) {
        const auto header = daemon::parse_luks_header(bytes);
        if (!header.ok()) {
            return;
        }
        promise(header->keyslots.size() <= 32, "keyslots have their limit");
        for (const auto& slot : header->keyslots) {
            promise(slot.keyslot.valid() && slot.area_size <= (1U << 20U), "a keyslot keeps its limits");
        }
    };
    const std::string_view text{reinterpret_cast<const char*>(input.data()), input.size()};
    parse(text);

    constexpr std::size_t kBinary = 4096;
    constexpr std::size_t kSize = 16384;
    std::string both(2 * kSize, '\0');
    for (const std::size_t start : {std::size_t{0}, kSize}) {
        both.replace(start, 8, std::string_view{start == 0 ? "LUKS\xba\xbe\0\2" : "SKUL\xba\xbe\0\2", 8});
        both[start + 14] = static_cast<char>(kSize >> 8U); // the big-endian size
        const auto json = text.substr(0, kSize - kBinary);
        both.replace(start + kBinary, json.size(), json);
    }
    parse(both);
}

} // namespace gm::test
