// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/image/nbd_image.hpp"
#include "tests/support/nbd_server.hpp"

#include <csignal>
#include <doctest/doctest.h>
#include <future>
#include <thread>

using namespace gm;
using gm::image::NbdImage;
using gm::test::NbdServer;

namespace {

constexpr std::size_t kSize = 3 << 20;

// Every 8 bytes tell their position.
std::vector<std::byte> content()
{
    std::vector<std::byte> bytes(kSize);
    for (std::uint64_t at = 0; at < kSize; at += 8) {
        std::memcpy(&bytes[at], &at, 8);
    }
    return bytes;
}

bool same(std::span<const std::byte> got, std::span<const std::byte> whole, std::size_t offset)
{
    return std::ranges::equal(got, whole.subspan(offset, got.size()));
}

} // namespace

TEST_CASE("many threads read the image at any alignment over several connections")
{
    const auto whole = content();
    const NbdServer server{whole};
    const auto image = NbdImage::connect(server.drive(3), {}).take_value();
    CHECK(image->size(0) == kSize);
    CHECK(image->size(1) == 0);
    std::atomic<int> wrong{0};
    {
        std::vector<std::jthread> threads;
        for (std::size_t t = 0; t < 4; ++t) {
            threads.emplace_back([&, t] {
                for (std::size_t i = 0; i < 50; ++i) {
                    const std::size_t length = 1 + (i * 7919 + t) % 70'000;
                    const std::size_t offset = (i * 104'729 + t * 13) % (kSize - length);
                    std::vector<std::byte> bytes(length);
                    wrong += !image->read(0, offset, bytes).ok() || !same(bytes, whole, offset);
                }
            });
        }
    }
    CHECK(wrong == 0);
}

TEST_CASE("requests of one thread are in flight together")
{
    const auto whole = content();
    NbdServer server{whole};
    const auto image = NbdImage::connect(server.drive(), {}).take_value();
    server.process().send_signal(SIGSTOP); // begin() must not wait for an answer
    constexpr std::size_t kCount = 64;
    std::vector<std::vector<std::byte>> buffers(kCount, std::vector<std::byte>(4096));
    std::vector<std::promise<bool>> outcomes(kCount);
    for (std::size_t i = 0; i < kCount; ++i) {
        image->begin({0, i * 4096, buffers[i], [&, i](const Result<void>& r) { outcomes[i].set_value(r.ok()); }});
    }
    server.process().send_signal(SIGCONT);
    for (std::size_t i = 0; i < kCount; ++i) {
        CHECK(outcomes[i].get_future().get());
        CHECK(same(buffers[i], whole, i * 4096));
    }
}

TEST_CASE("what is not on the drive is refused without asking the server")
{
    const NbdServer server{content()};
    const auto image = NbdImage::connect(server.drive(), {}).take_value();
    std::vector<std::byte> bytes(4096);
    CHECK(image->read(0, kSize - 4096, bytes).ok());
    CHECK(image->read(0, kSize - 4095, bytes).error().errno_value == EIO);
    CHECK(image->read(0, UINT64_MAX - 4000, bytes).error().errno_value == EIO);
    CHECK(image->read(1, 0, bytes).error().errno_value == EIO);
    CHECK(image->read(0, kSize, {}).ok());
    std::vector<std::byte> huge(image::kMaxBlockRead + 1);
    CHECK(image->read(0, 0, huge).error().errno_value == EINVAL);
}

TEST_CASE("a server that dies fails what waits and all that comes later with EIO")
{
    NbdServer server{content()};
    const auto image = NbdImage::connect(server.drive(2), {}).take_value();
    server.process().send_signal(SIGSTOP);
    std::vector<std::byte> bytes(4096);
    std::promise<Result<void>> outcome;
    image->begin({0, 0, bytes, [&](Result<void> r) { outcome.set_value(std::move(r)); }});
    server.process().kill_and_reap();
    CHECK(outcome.get_future().get().error().errno_value == EIO);
    CHECK(image->read(0, 0, bytes).error().errno_value == EIO);
}

TEST_CASE("a server that hangs fails a read at its deadline, and one that never shakes hands fails the connect")
{
    NbdServer server{content()};
    const auto image = NbdImage::connect(server.drive(), {.request_limit = Millis{100}}).take_value();
    server.process().send_signal(SIGSTOP);
    std::vector<std::byte> bytes(4096);
    CHECK(image->read(0, 0, bytes).error().errno_value == EIO);
    CHECK(NbdImage::connect(server.drive(), {.connect_limit = Millis{100}}).error().errno_value == ETIMEDOUT);
}

TEST_CASE("closing the image fails what is in flight instead of waiting for it")
{
    NbdServer server{content()};
    auto image = NbdImage::connect(server.drive(), {}).take_value();
    server.process().send_signal(SIGSTOP);
    std::vector<std::byte> bytes(4096);
    std::promise<Result<void>> outcome;
    image->begin({0, 0, bytes, [&](Result<void> r) { outcome.set_value(std::move(r)); }});
    image.reset();
    CHECK(outcome.get_future().get().error().errno_value == EIO);
}

TEST_CASE("an export that is not there is refused at connect")
{
    const NbdServer server{content()};
    auto drives = server.drive();
    drives[0].export_name = "other";
    CHECK(NbdImage::connect(std::move(drives), {}).error().errno_value == EIO);
}
