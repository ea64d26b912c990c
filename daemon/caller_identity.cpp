// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/caller_identity.hpp"

#include "core/base/log.hpp"

#include <cerrno>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <sched.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace gm::daemon {
namespace {

constexpr mode_t kNoMask = 0;
constexpr mode_t kUnknown = 01000;
thread_local mode_t t_umask = kUnknown; // what the thread was last set to

// A set-group-ID bit that the caller may not give must not stick (inode_init_owner in the kernel asks for this).
void set_fsetid(bool on)
{
    __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
    __user_cap_data_struct data[2]{};
    if (::syscall(SYS_capget, &header, data) == 0) {
        constexpr auto bit = 1U << CAP_FSETID;
        data[0].effective = on ? data[0].effective | (data[0].permitted & bit) : data[0].effective & ~bit;
        ::syscall(SYS_capset, &header, data);
    }
}

// The C library would change the ids of all threads for setresuid; for setfsuid it does not, but it hides nothing
// either.
void set_ids(std::uint32_t uid, std::uint32_t gid)
{
    ::syscall(SYS_setfsgid, gid);
    ::syscall(SYS_setfsuid, uid);
}

} // namespace

void prepare_worker_thread()
{
    if (::unshare(CLONE_FS) == -1) {
        log_warning("a worker thread shares its umask: errno {}", errno);
    }
    ::umask(kNoMask);
    t_umask = kNoMask;
    if (::geteuid() == 0) {
        ::prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP);
    }
}

ActAs::ActAs(const rpc::Caller& caller)
{
    const auto mask = static_cast<mode_t>(caller.umask & 0777U);
    if (mask != t_umask) {
        ::umask(mask);
        t_umask = mask;
    }
    if (caller.uid != 0 || caller.gid != 0) {
        changed_ids_ = true;
        if (caller.uid != 0) {
            set_fsetid(false);
        }
        set_ids(caller.uid, caller.gid);
    }
}

ActAs::~ActAs()
{
    if (changed_ids_) {
        const int errno_of_the_call = errno;
        set_ids(::geteuid(), ::getegid());
        set_fsetid(true);
        errno = errno_of_the_call;
    }
}

} // namespace gm::daemon
