// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/bench/chart.hpp"

#include "tests/bench/contender.hpp"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>

namespace gm::bench {
namespace {

constexpr int kLeft = 260;  // where the bars begin
constexpr int kWidth = 520; // of the axis
constexpr int kBar = 11;
constexpr int kTop = 46;
constexpr double kLeast = 0.01; // seconds at the left end
constexpr double kMost = 100;

struct Bar {
    const char* contender;
    const char* colour;
};
constexpr Bar kBars[] = {{kReference, "#c9c9c9"}, {kOurs, "#1f6fb2"}, {kLoop, "#7fb069"}};

double position(Seconds value)
{
    const double bounded = std::clamp(value, kLeast, kMost);
    return kWidth * std::log10(bounded / kLeast) / std::log10(kMost / kLeast);
}

} // namespace

std::string chart(const Report& report)
{
    const int row = kBar * static_cast<int>(std::size(kBars)) + 9;
    const int height = kTop + row * static_cast<int>(report.all().size()) + 34;
    std::string svg =
        fmt::format("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0}\" height=\"{1}\" font-family=\"sans-serif\" "
                    "font-size=\"12\">\n<rect width=\"{0}\" height=\"{1}\" fill=\"white\"/>\n",
                    kLeft + kWidth + 80, height);
    int x = kLeft;
    for (const auto& bar : kBars) {
        svg += fmt::format("<rect x=\"{}\" y=\"10\" width=\"12\" height=\"12\" fill=\"{}\"/>"
                           "<text x=\"{}\" y=\"20\">{}</text>\n",
                           x, bar.colour, x + 17, bar.contender);
        x += 130;
    }
    for (double mark = kLeast; mark <= kMost * 1.01; mark *= 10) {
        const double at = kLeft + position(mark);
        svg +=
            fmt::format("<line x1=\"{0:.0f}\" y1=\"{1}\" x2=\"{0:.0f}\" y2=\"{2}\" stroke=\"#e4e4e4\"/>"
                        "<text x=\"{0:.0f}\" y=\"{1}\" dy=\"-4\" text-anchor=\"middle\" fill=\"#777\">{3:g} s</text>\n",
                        at, kTop - 4, height - 30, mark);
    }
    int y = kTop;
    for (const auto& figures : report.all()) {
        svg += fmt::format("<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>\n", kLeft - 8, y + row / 2,
                           figures.name);
        for (const auto& bar : kBars) {
            if (const auto median = figures.median(bar.contender)) {
                svg += fmt::format("<rect x=\"{}\" y=\"{}\" width=\"{:.1f}\" height=\"{}\" fill=\"{}\"/>"
                                   "<text x=\"{:.0f}\" y=\"{}\" font-size=\"9\" fill=\"#555\">{:.3g}</text>\n",
                                   kLeft, y, position(*median), kBar - 1, bar.colour, kLeft + position(*median) + 4,
                                   y + 9, *median);
            }
            y += kBar;
        }
        y += 9;
    }
    svg += fmt::format("<text x=\"8\" y=\"{}\" font-size=\"10\" fill=\"#777\">Medians, logarithmic; shorter is better. "
                       "{}</text>\n</svg>\n",
                       height - 10, machine_text());
    return svg;
}

} // namespace gm::bench
