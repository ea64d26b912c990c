// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/bench/contender.hpp"

#include <algorithm>

namespace gm::bench {
namespace {

std::vector<std::string> guestmount_argv(const std::string& program, const MountJob& job, const std::string& folder)
{
    std::vector<std::string> argv{program, "-a", job.image, "-m", job.device, job.read_only ? "--ro" : "--rw"};
    argv.insert(argv.end(), job.options.begin(), job.options.end());
    argv.push_back(folder);
    return argv;
}

// Ready is what answers, not what says so.
Result<Seconds> mount_and_look(const std::vector<std::string>& argv, const std::string& folder,
                               const Environment& environment)
{
    const auto mounted = GM_TRY(run(argv, environment));
    return mounted + GM_TRY(run({"stat", folder + "/marker"}));
}

// `environment` in front of `base`.
Environment merged(Environment base, const Environment& environment)
{
    for (const auto& item : environment) {
        const auto name = item.substr(0, item.find('=') + 1);
        std::erase_if(base, [&](const std::string& other) { return other.starts_with(name); });
        base.push_back(item);
    }
    return base;
}

class OurGuestmount : public Contender {
public:
    explicit OurGuestmount(Environment environment) : Contender(kOurs), environment_(std::move(environment)) {}

    Result<Seconds> mount(const MountJob& job, const std::string& folder, const Environment& environment) override
    {
        return mount_and_look(guestmount_argv(GM_BENCH_BINARIES "/guestmount", job, folder), folder,
                              merged(environment_, environment));
    }
    Result<Seconds> unmount(const std::string& folder) override
    {
        return run({GM_BENCH_BINARIES "/guestunmount", folder});
    }

private:
    const Environment environment_;
};

class Reference : public Contender {
public:
    Reference(std::string program, Environment environment)
        : Contender(kReference), program_(std::move(program)), environment_(std::move(environment))
    {
    }

    Result<Seconds> mount(const MountJob& job, const std::string& folder, const Environment& environment) override
    {
        auto argv = guestmount_argv(program_, job, folder);
        argv.insert(argv.end() - 1, {"--pid-file", pid_file(folder)});
        return mount_and_look(argv, folder, merged(environment_, environment));
    }
    // The way its manual recommends: its unmount command does not wait for the data.
    Result<Seconds> unmount(const std::string& folder) override
    {
        return run({"sh", "-ec",
                    "pid=$(cat \"$2\"); fusermount -u \"$1\" || { sleep 0.5; fusermount -u \"$1\"; }\n"
                    "tail --pid=\"$pid\" -s 0.01 -f /dev/null; rm -f \"$2\"",
                    "sh", folder, pid_file(folder)});
    }

private:
    static std::string pid_file(const std::string& folder) { return folder + ".pid"; }

    const std::string program_;
    const Environment environment_;
};

class Loop : public Contender {
public:
    Loop() : Contender(kLoop) {}

    [[nodiscard]] bool can(const MountJob& job) const override { return job.loop_can; }
    Result<Seconds> mount(const MountJob& job, const std::string& folder, const Environment& /*environment*/) override
    {
        return mount_and_look({"mount", "-o", job.read_only ? "loop,ro" : "loop", job.image, folder}, folder, {});
    }
    Result<Seconds> unmount(const std::string& folder) override { return run({"umount", folder}); }
};

} // namespace

std::unique_ptr<Contender> our_guestmount(const std::string& cache_folder)
{
    return std::make_unique<OurGuestmount>(Environment{"LIBGUESTFS_CACHEDIR=" + cache_folder});
}

std::unique_ptr<Contender> reference_guestmount(const std::string& program, const std::string& cache_folder)
{
    return std::make_unique<Reference>(program,
                                       Environment{"LIBGUESTFS_CACHEDIR=" + cache_folder, "LIBGUESTFS_BACKEND=direct",
                                                   "LIBGUESTFS_BACKEND_SETTINGS=force_tcg"});
}

std::unique_ptr<Contender> loop_mount()
{
    return std::make_unique<Loop>();
}

} // namespace gm::bench
