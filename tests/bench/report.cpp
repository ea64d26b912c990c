// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/bench/report.hpp"

#include "core/base/subprocess.hpp"
#include "tests/bench/contender.hpp"

#include <algorithm>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>
#include <sys/utsname.h>
#include <thread>

namespace gm::bench {
namespace {

std::string seconds(const std::optional<Seconds>& value)
{
    return value ? fmt::format("{:.3f}", *value) : "-";
}

std::string ratio(const std::optional<Seconds>& above, const std::optional<Seconds>& below)
{
    return above && below && *below > 0 ? fmt::format("{:.1f}x", *above / *below) : "-";
}

std::string row(const Figures& figures)
{
    const auto ours = figures.median(kOurs);
    const auto reference = figures.median(kReference);
    const auto loop = figures.median(kLoop);
    return fmt::format("{:<36} {:>10} {:>10} {:>10} {:>12} {:>10}\n", figures.name, seconds(ours), seconds(reference),
                       seconds(loop), ratio(reference, ours), ratio(ours, loop));
}

} // namespace

std::optional<Seconds> Figures::median(const std::string& contender) const
{
    const auto found = by_whom.find(contender);
    if (found == by_whom.end() || found->second.empty()) {
        return std::nullopt;
    }
    auto sorted = found->second;
    std::ranges::sort(sorted);
    const auto half = sorted.size() / 2;
    return sorted.size() % 2 == 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}

void Report::add(const std::string& name, const std::string& contender, Seconds sample)
{
    auto found = std::ranges::find(all_, name, &Figures::name);
    if (found == all_.end()) {
        found = all_.insert(all_.end(), {name, {}});
    }
    found->by_whom[contender].push_back(sample);
}

std::string Report::row_text(const std::string& name) const
{
    const auto found = std::ranges::find(all_, name, &Figures::name);
    return found == all_.end() ? "" : row(*found);
}

std::string Report::table() const
{
    std::string text = fmt::format("{:<36} {:>10} {:>10} {:>10} {:>12} {:>10}\n", "medians in seconds", kOurs,
                                   kReference, "loop", "ref/ours", "ours/loop");
    for (const auto& figures : all_) {
        text += row(figures);
    }
    for (const auto& line : notes_) {
        text += line + "\n";
    }
    return text;
}

std::string Report::json() const
{
    nlohmann::ordered_json document{{"machine", machine_text()}, {"notes", notes_}};
    for (const auto& figures : all_) {
        nlohmann::ordered_json item{{"name", figures.name}};
        for (const auto& [contender, samples] : figures.by_whom) {
            item["seconds"][contender] = samples;
            item["median"][contender] = *figures.median(contender);
        }
        document["workloads"].push_back(std::move(item));
    }
    return document.dump(2) + "\n";
}

std::string machine_text()
{
    utsname host{};
    ::uname(&host);
    const auto qemu = run_captured({"qemu-system-x86_64", "--version"}, std::chrono::seconds{10});
    const std::string version = qemu.ok() ? qemu->output.substr(0, qemu->output.find('\n')) : "no qemu";
    return fmt::format("{} processors, Linux {}, {}", std::thread::hardware_concurrency(), host.release, version);
}

} // namespace gm::bench
