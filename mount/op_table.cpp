// SPDX-License-Identifier: GPL-2.0-or-later
#include "mount/op_table.hpp"

#include "mount/fatal_signal.hpp"
#include "mount/reply.hpp"

#include <algorithm>
#include <new>
#include <type_traits>

namespace gm::mount {
namespace {

template <std::size_t N>
struct OpName {
    char text[N];
    constexpr OpName(const char (&name)[N]) { std::copy_n(name, N, text); }
};

// --- From libfuse's parameters to ours ----------------------------------------------------------------------------

template <typename T>
struct Parameter {
    using Type = T;
};
template <>
struct Parameter<InodeId> {
    using Type = fuse_ino_t;
};
template <>
struct Parameter<std::string_view> {
    using Type = const char*;
};

template <typename T>
T converted(typename Parameter<T>::Type value)
{
    return T(value);
}

Request request_of(fuse_req_t request)
{
    const fuse_ctx* context = fuse_req_ctx(request);
    return {.uid = context->uid, .gid = context->gid, .umask = context->umask};
}

// Passes on an interruption of the request, but only a deadly one: a local file system finishes its reads and syncs
// whatever handlers may run.
class Interruption {
public:
    explicit Interruption(fuse_req_t request) : request_(request), caller_(fuse_req_ctx(request)->pid)
    {
        fuse_req_interrupt_func(request, &Interruption::interrupted, this);
    }
    Interruption(const Interruption&) = delete;
    Interruption& operator=(const Interruption&) = delete;
    ~Interruption() { fuse_req_interrupt_func(request_, nullptr, nullptr); }

    [[nodiscard]] std::stop_token token() const { return stop_.get_token(); }

private:
    static void interrupted(fuse_req_t /*request*/, void* self)
    {
        auto& interruption = *static_cast<Interruption*>(self);
        if (fatal_signal_pending(interruption.caller_)) {
            interruption.stop_.request_stop();
        }
    }

    fuse_req_t request_;
    pid_t caller_;
    std::stop_source stop_;
};

fuse_file_info* file_among(fuse_file_info* file)
{
    return file;
}
template <typename T>
fuse_file_info* file_among(T /*other*/)
{
    return nullptr;
}

// --- One request --------------------------------------------------------------------------------------------------

void trace_op(const char* name, fuse_req_t request, const Error* error, std::chrono::nanoseconds time)
{
    log(LogLevel::trace, "op {} of pid {}: {} ({} us)", name, fuse_req_ctx(request)->pid,
        error == nullptr ? "ok" : error->text, std::chrono::duration_cast<std::chrono::microseconds>(time).count());
}

template <typename Run>
auto guarded(Run&& run) -> decltype(run())
{
    try {
        return run();
    } catch (const std::bad_alloc&) {
        return make_error(ENOMEM, "out of memory");
    } catch (const std::exception& failure) {
        log_warning("an operation failed: {}", failure.what());
        return make_error(EIO, "{}", failure.what());
    }
}

template <OpName Name, typename Run>
void answer(fuse_req_t request, fuse_file_info* file, Run&& run)
{
    const auto begun = std::chrono::steady_clock::now();
    auto result = guarded(run);
    if (log_enabled(LogLevel::trace)) {
        trace_op(Name.text, request, result.ok() ? nullptr : &result.error(), std::chrono::steady_clock::now() - begun);
    }
    if (!result.ok()) {
        send_error(request, result.error());
    } else if constexpr (std::is_same_v<decltype(result), Result<void>>) {
        fuse_reply_err(request, 0);
    } else {
        send(request, file, result.take_value());
    }
}

Filesystem& filesystem_of(fuse_req_t request)
{
    return static_cast<SessionContext*>(fuse_req_userdata(request))->filesystem;
}

template <OpName Name, auto Method, typename Signature = decltype(Method)>
struct Op;

template <OpName Name, auto Method, typename R, typename... A>
struct Op<Name, Method, R (Filesystem::*)(A...)> {
    static void run(fuse_req_t request, typename Parameter<A>::Type... args)
    {
        fuse_file_info* file = nullptr;
        static_cast<void>(((file = file_among(args), file != nullptr) || ...));
        answer<Name>(request, file, [&] { return (filesystem_of(request).*Method)(converted<A>(args)...); });
    }
};

template <OpName Name, auto Method, typename R, typename... A>
struct Op<Name, Method, R (Filesystem::*)(const Request&, A...)> {
    static void run(fuse_req_t request, typename Parameter<A>::Type... args)
    {
        fuse_file_info* file = nullptr;
        static_cast<void>(((file = file_among(args), file != nullptr) || ...));
        answer<Name>(request, file,
                     [&] { return (filesystem_of(request).*Method)(request_of(request), converted<A>(args)...); });
    }
};

template <OpName Name, auto Method, typename R, typename... A>
struct Op<Name, Method, R (Filesystem::*)(const Interruptible&, A...)> {
    static void run(fuse_req_t request, typename Parameter<A>::Type... args)
    {
        fuse_file_info* file = nullptr;
        static_cast<void>(((file = file_among(args), file != nullptr) || ...));
        answer<Name>(request, file, [&] {
            const Interruption interruption(request);
            const Interruptible caller{request_of(request), interruption.token()};
            return (filesystem_of(request).*Method)(caller, converted<A>(args)...);
        });
    }
};

// forget: nobody waits for an answer.
template <OpName Name, auto Method, typename... A>
struct Op<Name, Method, void (Filesystem::*)(A...)> {
    static void run(fuse_req_t request, typename Parameter<A>::Type... args)
    {
        (filesystem_of(request).*Method)(converted<A>(args)...);
        fuse_reply_none(request);
    }
};

template <OpName Name, auto Method>
constexpr auto op = &Op<Name, Method>::run;

// --- The session's start ------------------------------------------------------------------------------------------

void want(fuse_conn_info& connection, unsigned capability, bool wanted = true)
{
    if (!wanted) {
        connection.want &= ~capability;
    } else if ((connection.capable & capability) != 0) {
        connection.want |= capability;
    }
}

void init(void* userdata, fuse_conn_info* connection)
{
    const auto& context = *static_cast<const SessionContext*>(userdata);
    const bool writable = !context.filesystem.read_only();
    want(*connection, FUSE_CAP_ASYNC_READ | FUSE_CAP_ASYNC_DIO);
    want(*connection, FUSE_CAP_PARALLEL_DIROPS);
    want(*connection, FUSE_CAP_EXPORT_SUPPORT);
    want(*connection, FUSE_CAP_READDIRPLUS);
    // A walk reads a whole folder before it looks at the first entry: attributes must come with every piece.
    want(*connection, FUSE_CAP_READDIRPLUS_AUTO, false);
    want(*connection, FUSE_CAP_CACHE_SYMLINKS);
    want(*connection, FUSE_CAP_NO_OPEN_SUPPORT | FUSE_CAP_NO_OPENDIR_SUPPORT);
    want(*connection, FUSE_CAP_IOCTL_DIR);
    // Nothing changes behind the kernel's back, so no attribute makes it drop pages.
    want(*connection, FUSE_CAP_AUTO_INVAL_DATA, false);
    want(*connection, FUSE_CAP_EXPLICIT_INVAL_DATA);
    want(*connection, FUSE_CAP_ATOMIC_O_TRUNC, writable);
    want(*connection, FUSE_CAP_WRITEBACK_CACHE, context.write_back_cache);
    want(*connection, FUSE_CAP_DONT_MASK); // the guest applies the caller's umask, unless a default ACL replaces it
    want(*connection, FUSE_CAP_POSIX_ACL, context.check_access);
    // Replies go through our own writev(), from memory.
    want(*connection, FUSE_CAP_SPLICE_READ | FUSE_CAP_SPLICE_WRITE | FUSE_CAP_SPLICE_MOVE, false);
    connection->max_write = 1U << 20;
    connection->max_readahead = 1U << 20;
    connection->max_background = 64;
    connection->congestion_threshold = 48;
}

} // namespace

fuse_lowlevel_ops operations(bool read_only)
{
    fuse_lowlevel_ops ops = {};
    ops.init = init;
    ops.lookup = op<"lookup", &Filesystem::lookup>;
    ops.forget = op<"forget", &Filesystem::forget>;
    ops.forget_multi = op<"forget_multi", &Filesystem::forget_multi>;
    ops.getattr = op<"getattr", &Filesystem::getattr>;
    ops.readlink = op<"readlink", &Filesystem::readlink>;
    ops.open = op<"open", &Filesystem::open>;
    ops.release = op<"release", &Filesystem::release>;
    ops.read = op<"read", &Filesystem::read>;
    ops.lseek = op<"lseek", &Filesystem::lseek>;
    ops.opendir = op<"opendir", &Filesystem::opendir>;
    ops.readdir = op<"readdir", &Filesystem::readdir>;
    ops.readdirplus = op<"readdirplus", &Filesystem::readdirplus>;
    ops.getxattr = op<"getxattr", &Filesystem::getxattr>;
    ops.listxattr = op<"listxattr", &Filesystem::listxattr>;
    ops.statfs = op<"statfs", &Filesystem::statfs>;
    ops.access = op<"access", &Filesystem::access>;
    ops.ioctl = op<"ioctl", &Filesystem::ioctl>;
    if (read_only) {
        return ops;
    }
    ops.setattr = op<"setattr", &Filesystem::setattr>;
    ops.mknod = op<"mknod", &Filesystem::mknod>;
    ops.mkdir = op<"mkdir", &Filesystem::mkdir>;
    ops.symlink = op<"symlink", &Filesystem::symlink>;
    ops.link = op<"link", &Filesystem::link>;
    ops.unlink = op<"unlink", &Filesystem::unlink>;
    ops.rmdir = op<"rmdir", &Filesystem::rmdir>;
    ops.rename = op<"rename", &Filesystem::rename>;
    ops.create = op<"create", &Filesystem::create>;
    ops.write = op<"write", &Filesystem::write>;
    ops.fsync = op<"fsync", &Filesystem::fsync>;
    ops.fsyncdir = op<"fsyncdir", &Filesystem::fsyncdir>;
    ops.fallocate = op<"fallocate", &Filesystem::fallocate>;
    ops.copy_file_range = op<"copy_file_range", &Filesystem::copy_file_range>;
    ops.setxattr = op<"setxattr", &Filesystem::setxattr>;
    ops.removexattr = op<"removexattr", &Filesystem::removexattr>;
    return ops;
}

} // namespace gm::mount
