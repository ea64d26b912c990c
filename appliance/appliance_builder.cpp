// SPDX-License-Identifier: LGPL-2.1-or-later
#include "appliance/appliance_builder.hpp"

#include "appliance/build_tool.hpp"
#include "appliance/cpio_archive.hpp"
#include "appliance/elf_image.hpp"
#include "appliance/kernel_image.hpp"
#include "appliance/module_file.hpp"
#include "appliance/module_set.hpp"
#include "core/base/syscall.hpp"

#include <algorithm>
#include <fcntl.h>
#include <filesystem>
#include <optional>
#include <set>
#include <sys/stat.h>

namespace gm::appliance {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kFileLimit = std::size_t{1} << 28; // no kernel, module or daemon is larger

// Where the guest looks for these lists: paths of modules, in the order in which to load them.
constexpr const char* kInitrdList = "modules.list";
constexpr const char* kBootList = "boot.list";
constexpr const char* kTemplateList = "template.list";

class Meter {
public:
    explicit Meter(const ProgressFn& report) : report_(report) {}

    // A step that ends at `percent` and usually takes `usual`.
    void begin(std::string text, int percent, Millis usual)
    {
        from_ = to_;
        to_ = percent;
        text_ = std::move(text);
        usual_ = usual;
        started_ = std::chrono::steady_clock::now();
        tick();
    }
    void finish()
    {
        to_ = 100;
        begin("done", 100, Millis{1});
    }
    void tick() const
    {
        if (report_) {
            const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - started_;
            const std::chrono::duration<double> usual = usual_;
            const double share = std::min(spent / usual, 1.0);
            report_({Progress::Step::building, text_, from_ + static_cast<int>(share * (to_ - from_))});
        }
    }

private:
    const ProgressFn& report_;
    int from_ = 0;
    int to_ = 0;
    std::string text_;
    Millis usual_{1};
    SteadyTime started_;
};

// std::filesystem reports through error codes; ours name what was tried.
Result<void> check(const std::error_code& code, const std::string& what)
{
    if (code) {
        return system_error(code.value(), what);
    }
    return {};
}

enum class Durable { no, yes };

Result<void> write_file(const std::string& path, std::string_view content, Durable durable)
{
    constexpr std::size_t kBlock = 4096;
    const UniqueFd file = GM_TRY(open_file(path, O_WRONLY | O_CREAT | O_TRUNC, 0600));
    const auto what = [&] { return fmt::format("write '{}'", path); };
    GM_TRY(sys([&] { return ::ftruncate(file.get(), static_cast<off_t>(content.size())); }, what));
    // Blocks of zeros stay holes: a kernel image is half empty.
    for (std::size_t at = 0; at < content.size(); at += kBlock) {
        const auto block = content.substr(at, kBlock);
        if (block.find_first_not_of('\0') == std::string_view::npos) {
            continue;
        }
        const auto put =
            GM_TRY(sys([&] { return ::pwrite(file.get(), block.data(), block.size(), static_cast<off_t>(at)); }, what));
        if (static_cast<std::size_t>(put) != block.size()) {
            return make_error(ENOSPC, "write '{}': no space left", path);
        }
    }
    if (durable == Durable::yes) {
        GM_TRY(sys([&] { return ::fsync(file.get()); }, what));
    }
    return {};
}

class Builder {
public:
    Builder(const BuildPlan& plan, const ProgressFn& progress, Deadline deadline)
        : plan_(plan), meter_(progress), deadline_(deadline), scratch_(plan.folder + "/scratch"),
          chroot_(scratch_ + "/root")
    {
    }

    Result<void> run()
    {
        std::error_code failure;
        fs::create_directory(scratch_, failure);
        GM_TRY(check(failure, fmt::format("make folder '{}'", scratch_)));
        meter_.begin("collecting programs", 45, Millis{2500});
        GM_TRY(start_unpacking_kernel());
        GM_TRY(run_supermin());
        meter_.begin("collecting kernel modules", 60, Millis{1000});
        GM_TRY(read_module_lists());
        GM_TRY(make_root_tree());
        meter_.begin("packing the initramfs", 65, Millis{200});
        GM_TRY(write_initrd());
        meter_.begin("unpacking the kernel", 75, Millis{500});
        GM_TRY(write_kernel());
        meter_.begin("packing the root image", 99, Millis{2000});
        GM_TRY(pack_root());
        fs::remove_all(scratch_, failure);
        GM_TRY(check(failure, fmt::format("remove '{}'", scratch_)));
        meter_.finish();
        return {};
    }

private:
    Result<void> start_unpacking_kernel()
    {
        kernel_ = GM_TRY(read_file(plan_.kernel.image, kFileLimit));
        const auto packed = packed_kernel(kernel_);
        if (!packed) {
            return {};
        }
        GM_TRY(write_file(scratch_ + "/payload", packed->payload, Durable::no));
        const UniqueFd input = GM_TRY(open_file(scratch_ + "/payload", O_RDONLY));
        const UniqueFd output = GM_TRY(open_file(scratch_ + "/vmlinux", O_WRONLY | O_CREAT | O_TRUNC, 0600));
        auto tool =
            BuildTool::start({packed->unpack_argv, packed->unpack_argv.front(), scratch_, input.get(), output.get()});
        if (tool.ok()) {
            unpacking_.emplace(std::move(tool).take_value());
        } // without the program the packed kernel serves, only slower
        return {};
    }

    Result<void> run_supermin()
    {
        auto tool = GM_TRY(BuildTool::start({{plan_.supermin, "--build", "--use-installed", "-f", "chroot",
                                              plan_.inputs.supermin_folder(), "-o", chroot_},
                                             "supermin",
                                             scratch_,
                                             std::nullopt,
                                             std::nullopt}));
        return tool.finish([this] { meter_.tick(); }, deadline_);
    }

    Result<void> read_module_lists()
    {
        const auto& folder = plan_.kernel.modules_folder;
        const auto built_in = read_file(folder + "/modules.builtin", kFileLimit); // some hosts have none
        const auto lists = GM_TRY(read_file(plan_.inputs.module_list()));
        lists_ = GM_TRY(ModuleLists::parse(lists));
        const auto dependencies = GM_TRY(read_file(folder + "/modules.dep", kFileLimit));
        modules_.emplace(GM_TRY(ModuleSet::parse(dependencies, built_in.ok() ? built_in.value() : std::string{})));
        return {};
    }

    // A module ready for finit_module(2), which takes packed ones only from some kernels.
    Result<std::string> module_content(const std::string& path)
    {
        const std::string source = plan_.kernel.modules_folder + '/' + path;
        const std::string unpacker = unpacker_for(path);
        std::string content;
        if (unpacker.empty()) {
            content = GM_TRY(read_file(source, kFileLimit));
        } else {
            auto run = GM_TRY(run_captured({unpacker, "-dc", source}, deadline_.left(), {}, kFileLimit));
            if (!run.status.success()) {
                return make_error(EIO, "'{} -dc {}' failed: {}", unpacker, source, run.error_output);
            }
            content = std::move(run.output);
        }
        content.resize(without_signature(content).size());
        return content;
    }

    static std::string unpacker_for(const std::string& path)
    {
        return path.ends_with(".xz") ? "xz" : path.ends_with(".zst") ? "zstd" : path.ends_with(".gz") ? "gzip" : "";
    }

    static std::string plain_name(const std::string& path) { return path.substr(0, path.rfind(".ko") + 3); }

    Result<void> make_root_tree()
    {
        std::error_code failure;
        for (const char* name : {"proc", "sys", "dev", "run", "tmp", "sysroot", "etc", "var"}) {
            fs::create_directory(chroot_ + '/' + name, failure);
            GM_TRY(check(failure, fmt::format("make folder '{}/{}'", chroot_, name)));
        }
        fs::create_symlink("/run", chroot_ + "/var/run", failure); // an existing one is as good
        fs::create_symlink("/proc/self/mounts", chroot_ + "/etc/mtab", failure);

        auto wanted = modules_->matching(lists_.keep);
        const auto at_boot = GM_TRY(modules_->load_order(lists_.at_boot, false));
        const auto before_template = GM_TRY(modules_->load_order(lists_.before_template, false));
        wanted.insert(at_boot.begin(), at_boot.end());
        wanted.insert(before_template.begin(), before_template.end());

        // On hosts with merged /usr supermin makes /lib a link.
        const std::string lib = fs::is_symlink(chroot_ + "/lib") ? "/usr/lib/modules/" : "/lib/modules/";
        const std::string target = fmt::format("{}{}{}", chroot_, lib, plan_.kernel.version);
        fs::create_directories(target, failure);
        GM_TRY(check(failure, fmt::format("make folder '{}'", target)));
        for (const auto& path : wanted) {
            fs::create_directories(fs::path{target + '/' + path}.parent_path(), failure);
            GM_TRY(check(failure, fmt::format("make folders for '{}'", path)));
            const auto content = GM_TRY(module_content(path));
            GM_TRY(write_file(target + '/' + plain_name(path), content, Durable::no));
            meter_.tick();
        }
        for (const char* name : {"modules.builtin", "modules.builtin.modinfo", "modules.order"}) {
            fs::copy_file(plan_.kernel.modules_folder + '/' + name, target + '/' + name, failure); // depmod's hints
        }
        GM_TRY(write_file(target + '/' + kBootList, module_list_text(at_boot), Durable::no));
        GM_TRY(write_file(target + '/' + kTemplateList, module_list_text(before_template), Durable::no));
        auto depmod = GM_TRY(BuildTool::start(
            {{"depmod", "-b", chroot_, plan_.kernel.version}, "kmod", scratch_, std::nullopt, std::nullopt}));
        return depmod.finish([this] { meter_.tick(); }, deadline_);
    }

    std::string module_list_text(const std::vector<std::string>& paths) const
    {
        std::string text;
        for (const auto& path : paths) {
            text += fmt::format("/lib/modules/{}/{}\n", plan_.kernel.version, plain_name(path));
        }
        return text;
    }

    Result<void> write_initrd()
    {
        const auto daemon = GM_TRY(read_file(plan_.inputs.daemon, kFileLimit));
        const auto program = loadable_part(daemon);
        CpioArchive archive;
        archive.add_file("init", 0755, program.ok() ? program.value() : std::string_view{daemon});
        for (const char* folder : {"dev", "proc", "sys", "root", "modules"}) {
            archive.add_folder(folder);
        }
        archive.add_character_device("dev/console", 5, 1); // the kernel opens it before it starts init
        std::string list;
        const auto needed = GM_TRY(modules_->load_order(lists_.initrd, true));
        for (const auto& path : needed) {
            const std::string name = "modules/" + fs::path{plain_name(path)}.filename().string();
            const auto content = GM_TRY(module_content(path));
            archive.add_file(name, 0644, content);
            list += '/' + name + '\n';
        }
        archive.add_file(kInitrdList, 0644, list);
        return write_file(plan_.folder + "/initrd", std::move(archive).finish(), Durable::yes);
    }

    Result<void> write_kernel()
    {
        if (unpacking_ && unpacking_->finish([this] { meter_.tick(); }, deadline_).ok()) {
            const auto elf = GM_TRY(read_file(scratch_ + "/vmlinux", kFileLimit));
            const auto program = loadable_part(elf);
            if (program.ok() && has_pvh_entry(elf)) {
                return write_file(plan_.folder + "/kernel", program.value(), Durable::yes);
            }
        }
        return write_file(plan_.folder + "/kernel", kernel_, Durable::yes);
    }

    Result<void> pack_root()
    {
        const std::string image = plan_.folder + "/root";
        auto tool = GM_TRY(BuildTool::start({{"mkfs.erofs", "-zlz4hc", "-C16384", "-T0", "--all-root",
                                              "-U00000000-0000-0000-0000-000000000000", image, chroot_},
                                             "erofs-utils",
                                             scratch_,
                                             std::nullopt,
                                             std::nullopt}));
        GM_TRY(tool.finish([this] { meter_.tick(); }, deadline_));
        const UniqueFd file = GM_TRY(open_file(image, O_RDWR));
        GM_TRY(sys([&] { return ::fsync(file.get()); }, [&] { return fmt::format("write '{}'", image); }));
        return {};
    }

    const BuildPlan& plan_;
    Meter meter_;
    Deadline deadline_;
    std::string scratch_;
    std::string chroot_;
    std::string kernel_; // as the host has it
    std::optional<BuildTool> unpacking_;
    ModuleLists lists_;
    std::optional<ModuleSet> modules_;
};

} // namespace

Result<void> build_appliance(const BuildPlan& plan, const ProgressFn& progress, Deadline deadline)
{
    return Builder{plan, progress, deadline}.run();
}

} // namespace gm::appliance
