/* SPDX-License-Identifier: MIT */
/* Counters of processors, from the texts of the kernel. */
#include "os/processor_time.h"

#include "base/check.h"

static void a_line_of_one_processor_has_idle_and_stolen_time(void) {
  int processor = 0;
  int64_t idle = 0;
  int64_t stolen = 0;
  CHECK(processor_time_of_line("cpu3 100 20 30 4000 500 6 7 80 0 0\n", &processor, &idle, &stolen));
  CHECK_EQ(processor, 3);
  CHECK_EQ(idle, 4500);
  CHECK_EQ(stolen, 80);
}

static void other_lines_are_none(void) {
  int processor = 0;
  int64_t idle = 0;
  int64_t stolen = 0;
  CHECK(!processor_time_of_line("cpu  100 20 30 4000 500 6 7 80 0 0\n", &processor, &idle, &stolen));
  CHECK(!processor_time_of_line("intr 5 6 7\n", &processor, &idle, &stolen));
  CHECK(!processor_time_of_line("cpu3 100 20\n", &processor, &idle, &stolen));
}

static void counters_only_grow(void) {
  struct processor_time before;
  struct processor_time after;
  processor_time_now(&before);
  processor_time_now(&after);
  CHECK(before.processors > 0);
  CHECK_EQ(before.processors, after.processors);
  CHECK(after.idle_ns >= before.idle_ns);
  CHECK(after.stolen_ns >= before.stolen_ns);
}

int main(void) {
  a_line_of_one_processor_has_idle_and_stolen_time();
  other_lines_are_none();
  counters_only_grow();
  return 0;
}
