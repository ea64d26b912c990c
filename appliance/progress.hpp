// SPDX-License-Identifier: LGPL-2.1-or-later
//
// How far the preparation of an appliance is. Values.
#pragma once

#include <functional>
#include <string>

namespace gm::appliance {

struct Progress {
    enum class Step { waiting, building }; // waiting: another process builds an appliance
    Step step = Step::building;
    std::string text; // "collecting files", for a person
    int percent = 0;  // never falls while building
};

// Called about ten times a second by the thread that prepares.
using ProgressFn = std::function<void(const Progress&)>;

} // namespace gm::appliance
