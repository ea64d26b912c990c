// SPDX-License-Identifier: GPL-2.0-or-later
//
// The manual pages say what the programs do: every option of --help has its item and the other way round, every
// procedure of the table its entry.
#include "core/rpc/procedures.hpp"
#include "tests/support/guest_mount.hpp"
#include "tests/support/program.hpp"
#include "tests/support/scratch.hpp"

#include <doctest/doctest.h>
#include <regex>
#include <set>

namespace {

using namespace gm::test;
using Words = std::set<std::string>;

std::string manual(const std::string& name)
{
    return content_of(GM_TEST_MANUALS "/" + name + ".pod");
}

// All that the first group of the pattern matches in the text.
Words all(const std::string& text, const char* pattern)
{
    Words found;
    const std::regex expression(pattern);
    for (std::sregex_iterator match(text.begin(), text.end(), expression), end; match != end; ++match) {
        found.insert((*match)[1]);
    }
    return found;
}

Words items(const std::string& page)
{
    Words options;
    for (const auto& line : lines(manual(page))) {
        if (line.starts_with("=item B<-")) {
            options.merge(all(line, "B<(-[^>]+)>"));
        }
    }
    return options;
}

void check_equal(const Words& documented, const Words& real)
{
    CHECK(real.size() > 3);
    for (const auto& word : real) {
        CHECK_MESSAGE(documented.count(word) == 1, word << " is not documented");
    }
    for (const auto& word : documented) {
        CHECK_MESSAGE(real.count(word) == 1, word << " is documented, but does not exist");
    }
}

// The options at the start of the lines of --help: "  -a, --add FILE", "      --fd FD".
Words helped(const std::string& program)
{
    Words options;
    for (const auto& line : lines(must_run({program, "--help"}))) {
        if (std::smatch match; std::regex_search(line, match, std::regex("^ +((-.), ?)?(--[a-z-]+)"))) {
            options.insert(match[3]);
            if (match[2].matched) {
                options.insert(match[2]);
            }
        }
    }
    return options;
}

} // namespace

TEST_SUITE("docs")
{
    TEST_CASE("guestmount(1) documents the options of --help, no more and no less")
    {
        check_equal(items("guestmount"), helped(guestmount_program()));
    }

    TEST_CASE("guestunmount(1) documents the options of --help, no more and no less")
    {
        check_equal(items("guestunmount"), helped(guestunmount_program()));
    }

    TEST_CASE("guestmount-make-appliance(1) documents the options of --help, no more and no less")
    {
        check_equal(items("guestmount-make-appliance"), helped(GM_TEST_MAKE_APPLIANCE));
    }

    TEST_CASE("--long-options and --short-options list what --help lists")
    {
        Words listed;
        for (const char* which : {"--long-options", "--short-options"}) {
            for (const auto& line : lines(must_run({guestmount_program(), which}))) {
                listed.insert(line);
            }
        }
        check_equal(listed, helped(guestmount_program()));
    }

    TEST_CASE("guestmount-internals(7) lists the procedures of the table with number and access")
    {
        Words real;
        for (const auto& procedure : gm::rpc::Procedures::info) {
            const char* access = procedure.access == gm::rpc::Access::reads    ? "reads"
                                 : procedure.access == gm::rpc::Access::writes ? "writes"
                                                                               : "control";
            real.insert(fmt::format("{} ({}, {})", procedure.name, static_cast<unsigned>(procedure.id), access));
        }
        check_equal(all(manual("guestmount-internals"), "=item ([a-z_]+ \\([0-9]+, [a-z]+\\))"), real);
    }

    TEST_CASE("guestmount(1) names every environment variable that the programs read")
    {
        // In the sources, getenv and its wrappers are given the name as a literal.
        const std::string sources =
            must_run({"grep", "-rhoE", R"("(LIBGUESTFS|SUPERMIN)_[A-Z_]+")", "--include=*.cpp", GM_TEST_SOURCES "/core",
                      GM_TEST_SOURCES "/appliance", GM_TEST_SOURCES "/mount"});
        const std::string page = manual("guestmount");
        const Words named = all(page.substr(page.find("=head1 ENVIRONMENT")), "((?:LIBGUESTFS|SUPERMIN)_[A-Z_]+)");
        check_equal(named, all(sources, "\"([A-Z_]+)\""));
    }

    TEST_CASE("the README is short, and the commands that it shows exist")
    {
        const std::string readme = content_of(GM_TEST_SOURCES "/README.md");
        CHECK(lines(readme).size() < 200);
        const Words subcommands = all(readme, "\\./bootstrap\\.sh ([a-z]+)");
        CHECK(subcommands == Words{"bench", "demo", "test", "deps"});
        const std::string script = content_of(GM_TEST_SOURCES "/bootstrap.sh");
        for (const auto& subcommand : subcommands) {
            CHECK(script.find("\n  " + subcommand + ") ") != std::string::npos);
        }
        const std::string presets = content_of(GM_TEST_SOURCES "/CMakePresets.json");
        for (const auto& preset : all(readme, "--preset ([a-z]+)")) {
            CHECK(presets.find("\"" + preset + "\"") != std::string::npos);
        }
    }
}
