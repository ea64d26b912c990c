// SPDX-License-Identifier: GPL-2.0-or-later
//
// main() of every tier. Beyond doctest's own it sees to it that a run which matched no test fails, that tests keep
// their appliance in the build tree instead of the user's cache, and that a test fails which leaves a process, a mount
// or a file in TMPDIR.
#define DOCTEST_CONFIG_IMPLEMENT
#include "tests/support/leftovers.hpp"

#include <doctest/doctest.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>

namespace {

unsigned g_cases_run = 0; // written by doctest's thread only

struct CountCases : doctest::IReporter {
    explicit CountCases(const doctest::ContextOptions& /*options*/) {}
    void report_query(const doctest::QueryData& /*query*/) override {}
    void test_run_start() override {}
    void test_run_end(const doctest::TestRunStats& stats) override { g_cases_run = stats.numTestCasesPassingFilters; }
    void test_case_start(const doctest::TestCaseData& /*data*/) override {}
    void test_case_reenter(const doctest::TestCaseData& /*data*/) override {}
    void test_case_end(const doctest::CurrentTestCaseStats& /*stats*/) override {}
    void test_case_exception(const doctest::TestCaseException& /*exception*/) override {}
    void subcase_start(const doctest::SubcaseSignature& /*signature*/) override {}
    void subcase_end() override {}
    void log_assert(const doctest::AssertData& /*data*/) override {}
    void log_message(const doctest::MessageData& /*data*/) override {}
    void test_case_skipped(const doctest::TestCaseData& /*data*/) override {}
};
REGISTER_LISTENER("count_cases", 1, CountCases);

// A folder of its own for each run, so that whatever is left in it is this run's fault. The path is short because a
// socket's may be 107 bytes at most (unix(7)).
class PrivateTmpdir {
public:
    PrivateTmpdir()
    {
        if (::mkdtemp(path_.data()) == nullptr) {
            std::perror("mkdtemp");
            std::exit(1);
        }
        ::setenv("TMPDIR", path_.c_str(), 1);
    }

    // Removes it; false, after naming them, when there were files left.
    bool remove()
    {
        std::error_code ignored;
        bool clean = true;
        for (const auto& entry : std::filesystem::directory_iterator(path_, ignored)) {
            std::fprintf(stderr, "left in TMPDIR: %s\n", entry.path().filename().c_str());
            clean = false;
        }
        if (clean || std::getenv("GM_TESTS_KEEP") == nullptr) {
            std::filesystem::remove_all(path_, ignored);
        }
        return clean;
    }

private:
    std::string path_ = "/tmp/gmt-XXXXXX";
};

} // namespace

int main(int argc, char** argv)
{
    doctest::Context context(argc, argv);
    std::error_code ignored;
    std::filesystem::create_directories(GM_TEST_CACHE_FOLDER, ignored);
    ::setenv("LIBGUESTFS_CACHEDIR", GM_TEST_CACHE_FOLDER, 0);
    ::unsetenv("XDG_RUNTIME_DIR"); // sockets go to TMPDIR then, where a forgotten one is found
    PrivateTmpdir tmpdir;
    const int status = context.run();
    const auto left = gm::test::leftovers();
    for (const auto& line : left) {
        std::fprintf(stderr, "left behind: %s\n", line.c_str());
    }
    gm::test::remove_leftovers();
    const bool clean = tmpdir.remove() && left.empty();
    if (context.shouldExit()) {
        return status; // a query such as --list-test-cases
    }
    if (g_cases_run == 0) {
        std::fprintf(stderr, "no test case matched\n");
        return 1;
    }
    return status != 0 || !clean ? 1 : 0;
}
