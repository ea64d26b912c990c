# SPDX-License-Identifier: GPL-2.0-or-later
#
# gm_add_tier(NAME unit TIMEOUT 20 SOURCES a_test.cpp ... LIBRARIES gm::rpc ...)
# One executable for a tier of tests; every doctest case becomes a CTest test "NAME: the sentence" with the label NAME.
function(gm_add_tier)
  cmake_parse_arguments(TIER "" "NAME;TIMEOUT;COST" "SOURCES;LIBRARIES" ${ARGN})
  set(target gm_${TIER_NAME}_tests)
  add_executable(${target} ${PROJECT_SOURCE_DIR}/tests/support/test_main.cpp ${TIER_SOURCES})
  target_link_libraries(${target} PRIVATE gm::build_options doctest::doctest ${TIER_LIBRARIES})
  target_compile_definitions(${target} PRIVATE DOCTEST_CONFIG_SUPER_FAST_ASSERTS)
  doctest_discover_tests(${target} TEST_PREFIX "${TIER_NAME}: " ADD_LABELS 0
    PROPERTIES LABELS ${TIER_NAME} TIMEOUT ${TIER_TIMEOUT} SKIP_RETURN_CODE 77)
endfunction()
