/* SPDX-License-Identifier: MIT */
/* Which processors a thread may use, and how many there are. */
#include "os/processors.h"

#include "base/check.h"

static void a_thread_is_kept_on_the_processors_that_it_is_allowed(void) {
  int numbers[PROCESSORS_MAX];
  const size_t count = processors_allowed(numbers, PROCESSORS_MAX);
  CHECK(count > 0);
  CHECK_EQ(processors_allow(numbers + count - 1, 1), STATUS_OK);
  const int last = numbers[count - 1];
  CHECK_EQ(processors_allowed(numbers, PROCESSORS_MAX), 1);
  CHECK_EQ(numbers[0], last);
  CHECK(processors_allow(numbers, 0) != STATUS_OK);
}

int main(void) {
  CHECK(processors_count() >= 1);
  a_thread_is_kept_on_the_processors_that_it_is_allowed();
  CHECK_EQ(processors_count(), 1);
  return 0;
}
