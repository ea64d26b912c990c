// SPDX-License-Identifier: GPL-2.0-or-later
#include "mount/progress_bar.hpp"

#include <algorithm>
#include <cstdio>
#include <fmt/format.h>
#include <string>
#include <unistd.h>

namespace gm::mount {

ProgressBar::ProgressBar() : terminal_(::isatty(STDERR_FILENO) == 1) {}

ProgressBar::~ProgressBar()
{
    if (drawn_) {
        fmt::print(stderr, "\r\033[K");
        std::fflush(stderr);
    }
}

void ProgressBar::show(const appliance::Progress& progress)
{
    if (!terminal_) {
        return;
    }
    constexpr int kWidth = 24;
    const auto filled = static_cast<std::size_t>(std::clamp(progress.percent, 0, 100) * kWidth / 100);
    fmt::print(stderr, "\r\033[K[{}{}] {:3} % {}", std::string(filled, '#'), std::string(kWidth - filled, ' '),
               progress.percent, progress.text);
    std::fflush(stderr);
    drawn_ = true;
}

} // namespace gm::mount
