// SPDX-License-Identifier: GPL-2.0-or-later
//
// The figures of a run: medians and ratios as a table, and as JSON with every sample. One thread.
#pragma once

#include "tests/bench/shell.hpp"

#include <map>
#include <optional>

namespace gm::bench {

struct Figures {
    std::string name;                                    // what was done
    std::map<std::string, std::vector<Seconds>> by_whom; // samples by contender

    [[nodiscard]] std::optional<Seconds> median(const std::string& contender) const;
};

class Report {
public:
    void add(const std::string& name, const std::string& contender, Seconds sample);
    // A figure that is not a time, as a line of text.
    void note(std::string line) { notes_.push_back(std::move(line)); }

    [[nodiscard]] const std::vector<Figures>& all() const { return all_; }
    [[nodiscard]] std::string row_text(const std::string& name) const; // one line of the table
    [[nodiscard]] std::string table() const;
    [[nodiscard]] std::string json() const;

private:
    std::vector<Figures> all_;
    std::vector<std::string> notes_;
};

// Processors, memory, kernel, qemu: what the figures were measured on.
std::string machine_text();

} // namespace gm::bench
