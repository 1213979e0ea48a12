/* SPDX-License-Identifier: MIT */
#include "base/nearness.h"

#include "base/check.h"

static void letters_that_are_missing_or_exchanged_are_counted(void) {
  CHECK(nearness("workers", "workers") == 0);
  CHECK(nearness("wrokers", "workers") == 1);
  CHECK(nearness("targt", "target") == 1);
  CHECK(nearness("chunksze", "chunksize") == 1);
  CHECK(nearness("--wrold", "--world") == 1);
  CHECK(nearness("comapre", "compare") == 1);
  CHECK(nearness("-vv", "-v") == 1);
  CHECK(nearness("currentProces", "current_process") == 2);
}

static void upper_and_lower_case_are_the_same(void) {
  CHECK(nearness("pool", "Pool") == 0);
  CHECK(nearness("QUEUE", "Queue") == 0);
}

static void a_common_beginning_is_near_but_not_as_near(void) {
  CHECK(nearness("procs", "processes") == NEARNESS_BEGINNING);
  CHECK(nearness("time", "timeout") == NEARNESS_BEGINNING);
}

static void other_words_are_not_near(void) {
  CHECK(nearness("", "Pool") == NEARNESS_NONE);
  CHECK(nearness("-x", "-e") == NEARNESS_NONE);
  CHECK(nearness("setup", "sleep") == NEARNESS_NONE);
  CHECK(nearness("bool", "Lock") == NEARNESS_NONE);
  CHECK(nearness("0123456789012345678901234567890123456789x", "0123456789012345678901234567890123456789") ==
        NEARNESS_NONE);
}

int main(void) {
  letters_that_are_missing_or_exchanged_are_counted();
  upper_and_lower_case_are_the_same();
  a_common_beginning_is_near_but_not_as_near();
  other_words_are_not_near();
  return 0;
}
