// SPDX-License-Identifier: GPL-2.0-or-later
#include "mount/case_folding.hpp"

#include <doctest/doctest.h>

using gm::mount::case_folded;

TEST_SUITE("unit")
{
    TEST_CASE("names that differ in case only fold to the same, others do not")
    {
        CHECK(case_folded("Windows") == "windows");
        CHECK(case_folded("PAGEFILE.SYS") == case_folded("pagefile.sys"));
        CHECK(case_folded("") == "");
        CHECK(case_folded("\xc3\x9c"
                          "BER") == case_folded("\xc3\xbc"
                                                "ber"));                              // umlaut
        CHECK(case_folded("\xd0\x9c\xd0\x98\xd0\xa0") == "\xd0\xbc\xd0\xb8\xd1\x80"); // Cyrillic
        CHECK(case_folded("\xce\x91") == "\xce\xb1");                                 // Greek
        CHECK(case_folded("\xc3\xbc") != case_folded("u"));
        CHECK(case_folded("A\xff"
                          "B\xc3") == "a\xff"
                                      "b\xc3"); // not UTF-8
        CHECK(case_folded("\xe2\x82\xac"
                          "A") == "\xe2\x82\xac"
                                  "a");
        CHECK(case_folded(std::string(255, 'X')) == std::string(255, 'x'));
    }
}
