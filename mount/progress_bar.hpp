// SPDX-License-Identifier: GPL-2.0-or-later
//
// Progress on a terminal: one line that is drawn over, and gone at the end. One thread.
#pragma once

#include "appliance/progress.hpp"

namespace gm::mount {

class ProgressBar {
public:
    ProgressBar(); // shows nothing unless standard error is a terminal
    ProgressBar(const ProgressBar&) = delete;
    ProgressBar& operator=(const ProgressBar&) = delete;
    ~ProgressBar();

    void show(const appliance::Progress& progress);

private:
    const bool terminal_;
    bool drawn_ = false;
};

} // namespace gm::mount
