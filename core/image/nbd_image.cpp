// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/image/nbd_image.hpp"

#include "core/base/guarded.hpp"
#include "core/base/log.hpp"
#include "core/base/syscall.hpp"
#include "core/image/nbd_connection.hpp"

#include <algorithm>
#include <atomic>
#include <csignal>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <thread>

namespace gm::image {

// The connections of all drives and the thread that drives them.
class NbdImage::Connections {
public:
    struct Drive {
        std::uint64_t size = 0;
        std::vector<NbdConnection> connections;
    };

    Connections(std::vector<Drive> drives, UniqueFd wake, Millis request_limit)
        : drives_(std::move(drives)), wake_(std::move(wake)), request_limit_(request_limit), thread_([this] { run(); })
    {
    }

    ~Connections()
    {
        closing_ = true;
        wake();
        thread_.join();
    }

    [[nodiscard]] std::uint64_t size(std::uint32_t disk) const
    {
        return disk < drives_.size() ? drives_[disk].size : 0;
    }

    void begin(BlockRead read)
    {
        // One wake-up for however many requests arrive before the thread looks.
        const auto waiting = queue_.with([&](Queue& queue) {
            if (!queue.ended) {
                queue.reads.push_back(std::move(read));
            }
            return queue.ended ? 0 : queue.reads.size();
        });
        if (waiting == 0) {
            read.done(make_error(EIO, "the image is closed"));
        } else if (waiting == 1) {
            wake();
        }
    }

private:
    struct Queue {
        std::vector<BlockRead> reads;
        bool ended = false; // the thread looks no more
    };

    void wake() const { ::eventfd_write(wake_.get(), 1); }

    void run()
    {
        sigset_t all;
        ::sigfillset(&all);
        ::pthread_sigmask(SIG_SETMASK, &all, nullptr); // signals are the program's
        std::vector<pollfd> polled;
        std::vector<NbdConnection*> order;
        while (!closing_) {
            submit_queued();
            finish();
            polled.assign(1, pollfd{wake_.get(), POLLIN, 0});
            order.clear();
            bool waiting = false;
            for_each_alive([&](NbdConnection& connection) {
                polled.push_back({connection.fd(), connection.events(), 0});
                order.push_back(&connection);
                waiting = waiting || connection.in_flight() != 0;
            });
            constexpr int kTick = 500; // ms between looks at the deadlines
            if (::poll(polled.data(), polled.size(), waiting ? kTick : -1) < 0 && errno != EINTR) {
                log_warning("the image reader cannot wait: {}", system_error(errno, "poll").text);
                break;
            }
            if (polled[0].revents != 0) {
                eventfd_t count = 0;
                ::eventfd_read(wake_.get(), &count);
            }
            const auto now = std::chrono::steady_clock::now();
            for (std::size_t i = 0; i < order.size(); ++i) {
                order[i]->advance(polled[i + 1].revents);
                if (order[i]->alive()) {
                    order[i]->check_deadline(now);
                }
            }
            finish();
        }
        const auto reason = make_error(EIO, "the image is closed");
        for_each_alive([&](NbdConnection& connection) { connection.close(reason); });
        finish();
        const auto unheard = queue_.with([](Queue& queue) {
            queue.ended = true;
            return std::exchange(queue.reads, {});
        });
        for (const auto& read : unheard) {
            read.done(reason);
        }
    }

    void submit_queued()
    {
        for (auto& read : queue_.with([](Queue& queue) { return std::exchange(queue.reads, {}); })) {
            NbdConnection* chosen = nullptr;
            for (auto& connection : drives_[read.disk].connections) {
                if (connection.alive() && (chosen == nullptr || connection.in_flight() < chosen->in_flight())) {
                    chosen = &connection;
                }
            }
            if (chosen == nullptr) {
                read.done(make_error(EIO, "the image: its connection is lost"));
            } else {
                chosen->submit(std::move(read), std::chrono::steady_clock::now() + request_limit_);
            }
        }
    }

    void finish()
    {
        for (auto& drive : drives_) {
            for (auto& connection : drive.connections) {
                for (auto& finished : connection.take_finished()) {
                    finished.done(std::move(finished.outcome));
                }
            }
        }
    }

    template <typename Use>
    void for_each_alive(Use&& use)
    {
        for (auto& drive : drives_) {
            for (auto& connection : drive.connections) {
                if (connection.alive()) {
                    use(connection);
                }
            }
        }
    }

    std::vector<Drive> drives_; // sizes never change; connections belong to the thread
    UniqueFd wake_;             // eventfd
    Millis request_limit_;
    std::atomic<bool> closing_{false};
    Guarded<Queue> queue_; // level: leaf
    std::jthread thread_;
};

NbdImage::NbdImage(std::unique_ptr<Connections> connections) : connections_(std::move(connections)) {}

NbdImage::~NbdImage() = default;

Result<std::unique_ptr<NbdImage>> NbdImage::connect(std::vector<Drive> drives, const Options& options)
{
    std::vector<Connections::Drive> connected;
    for (auto& drive : drives) {
        Connections::Drive& made = connected.emplace_back();
        for (auto& socket : drive.sockets) {
            auto connection = NbdConnection::open(std::move(socket), drive.export_name, options.connect_limit);
            if (!connection.ok()) {
                return with_context(connection.take_error(), fmt::format("drive {}", connected.size() - 1));
            }
            made.size = made.connections.empty() ? connection->size() : std::min(made.size, connection->size());
            made.connections.push_back(connection.take_value());
        }
    }
    UniqueFd wake{GM_TRY(sys([] { return ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK); }, "eventfd"))};
    return std::unique_ptr<NbdImage>{
        new NbdImage(std::make_unique<Connections>(std::move(connected), std::move(wake), options.request_limit))};
}

std::uint64_t NbdImage::size(std::uint32_t disk) const
{
    return connections_->size(disk);
}

void NbdImage::begin(BlockRead read)
{
    const auto disk_size = connections_->size(read.disk);
    if (read.into.size() > kMaxBlockRead) {
        read.done(make_error(EINVAL, "the image: a read of {} bytes is too long", read.into.size()));
    } else if (read.offset > disk_size || read.into.size() > disk_size - read.offset) {
        read.done(make_error(EIO, "the image: drive {} has no bytes {} to {}", read.disk, read.offset,
                             read.offset + read.into.size()));
    } else if (read.into.empty()) {
        read.done({});
    } else {
        connections_->begin(std::move(read));
    }
}

} // namespace gm::image
