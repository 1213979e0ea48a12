/* SPDX-License-Identifier: MIT */
/* Counters of processors, from the texts of the kernel. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/check.h"
#include "os/processor_time.h"

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

static int64_t throttled(const char *text) {
  char path[] = "cpu.stat.XXXXXX";
  const int fd = mkstemp(path);
  CHECK(fd >= 0);
  FILE *file = fdopen(fd, "w");
  CHECK(file != NULL);
  fputs(text, file);
  CHECK_EQ(fclose(file), 0);
  const int64_t ns = processor_time_throttled(path);
  unlink(path);
  return ns;
}

static void both_versions_of_control_groups_tell_how_long_they_throttled(void) {
  CHECK_EQ(throttled("nr_periods 5\nnr_throttled 2\nthrottled_time 7000\n"), 7000);
  CHECK_EQ(throttled("usage_usec 9\nnr_throttled 2\nthrottled_usec 7\n"), 7000);
  CHECK_EQ(throttled("usage_usec 9\n"), 0);
  CHECK_EQ(processor_time_throttled("/nowhere/cpu.stat"), 0);
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
  a_line_of_one_processor_has_idle_and_stolen_time();
  other_lines_are_none();
  both_versions_of_control_groups_tell_how_long_they_throttled();
  counters_only_grow();
  a_thread_is_kept_on_the_processors_that_it_is_allowed();
  return 0;
}
