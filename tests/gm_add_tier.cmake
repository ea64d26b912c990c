# SPDX-License-Identifier: GPL-2.0-or-later
#
# gm_add_tier(NAME unit TIMEOUT 20 SOURCES a_test.cpp ... [LIBRARIES gm::rpc ...] [PROCESSORS 2] [APPLIANCE])
#
# One executable for a tier of tests; every doctest case becomes a CTest test "NAME: the sentence" with the label NAME.
# TIMEOUT is in seconds and for each case. PROCESSORS keeps a tier that measures time or starts virtual machines from
# sharing the machine with other tests. APPLIANCE: the cases need the appliance, which is built once before the first.
function(gm_add_tier)
  cmake_parse_arguments(TIER "APPLIANCE" "NAME;TIMEOUT;PROCESSORS" "SOURCES;LIBRARIES" ${ARGN})
  set(target gm_${TIER_NAME}_tests)
  add_executable(${target} ${TIER_SOURCES})
  target_link_libraries(${target} PRIVATE gm::build_options gm_test_support doctest::doctest ${TIER_LIBRARIES})
  set(properties TIMEOUT ${TIER_TIMEOUT} SKIP_RETURN_CODE 77)
  if(TIER_PROCESSORS)
    list(APPEND properties PROCESSORS ${TIER_PROCESSORS})
  endif()
  if(TIER_APPLIANCE)
    list(APPEND properties FIXTURES_REQUIRED appliance)
  endif()
  doctest_discover_tests(${target} TEST_PREFIX "${TIER_NAME}: " ADD_LABELS 0 PROPERTIES LABELS ${TIER_NAME} ${properties})
endfunction()
