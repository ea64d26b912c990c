// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/differential/differential.hpp"

#include "core/base/clock.hpp"
#include "tests/differential/side.hpp"
#include "tests/support/tree.hpp"

#include <fmt/ranges.h>

namespace gm::test {
namespace {

struct Difference {
    std::size_t calls; // performed until it showed
    std::string text;
};

class Pair {
public:
    explicit Pair(const DifferentialOptions& options) : options_(options) {}

    // Performs the operations in two new folders.
    std::optional<Difference> run(const std::vector<Operation>& operations)
    {
        const std::string name = fmt::format("round{}", rounds_++);
        Side a(options_.folder_a, name, options_.folder_sizes);
        Side b(options_.folder_b, name, options_.folder_sizes);
        for (std::size_t index = 0; index < operations.size(); ++index) {
            const std::string in_a = a.apply(operations[index]);
            const std::string in_b = b.apply(operations[index]);
            if (in_a != in_b) {
                return Difference{index + 1, fmt::format("  tested:   {}\n  expected: {}", in_a, in_b)};
            }
        }
        a.finish();
        b.finish();
        const auto tree_a = scan_tree(a.path());
        const auto tree_b = scan_tree(b.path());
        if (!tree_a.ok() || !tree_b.ok()) {
            return Difference{operations.size(), tree_a.ok() ? tree_b.error().text : tree_a.error().text};
        }
        // Times that calls set were compared then; all others depend on when.
        const auto lines =
            differences(*tree_b, *tree_a,
                        {.times = false, .inodes = false, .blocks = false, .folder_sizes = options_.folder_sizes});
        if (!lines.empty()) {
            return Difference{operations.size(), fmt::format("  the trees differ:\n  {}", fmt::join(lines, "\n  "))};
        }
        return {};
    }

private:
    DifferentialOptions options_;
    unsigned rounds_ = 0;
};

// Leaves out parts of the sequence, ever smaller ones, for as long as a difference remains.
void shrink(Pair& pair, std::vector<Operation>& operations, Difference& difference)
{
    const Deadline deadline(Millis{60'000});
    operations.resize(difference.calls);
    for (std::size_t part = operations.size() / 2; part > 0; part /= 2) {
        for (std::size_t at = 0; at < operations.size() && !deadline.passed();) {
            std::vector<Operation> fewer(operations.begin(), operations.begin() + static_cast<std::ptrdiff_t>(at));
            if (at + part < operations.size()) {
                fewer.insert(fewer.end(), operations.begin() + static_cast<std::ptrdiff_t>(at + part),
                             operations.end());
            }
            if (auto still = pair.run(fewer)) {
                fewer.resize(still->calls);
                operations = std::move(fewer);
                difference = std::move(*still);
            } else {
                at += part;
            }
        }
    }
}

} // namespace

std::optional<std::string> first_difference(const DifferentialOptions& options)
{
    Pair pair(options);
    Generator generator(options.seed);
    for (std::size_t done = 0; done < options.calls; done += options.calls_a_round) {
        std::vector<Operation> operations;
        for (std::size_t count = 0; count < options.calls_a_round; ++count) {
            operations.push_back(generator.next(done / options.calls_a_round % 2 == 1));
        }
        auto difference = pair.run(operations);
        if (!difference) {
            continue;
        }
        if (options.shrink) {
            shrink(pair, operations, *difference);
        }
        std::string report = fmt::format("seed {}, within calls {} to {}; {} of them are enough:\n", options.seed, done,
                                         done + options.calls_a_round, difference->calls);
        for (std::size_t index = 0; index < difference->calls; ++index) {
            report += fmt::format("{:4}. {}\n", index + 1, text(operations[index]));
        }
        return report + difference->text;
    }
    return {};
}

} // namespace gm::test
