/* SPDX-License-Identifier: MIT */
/* Measuring runs of this very program, which plays a role when it is given one. */
#include <dirent.h>
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/check.h"
#include "base/memory.h"
#include "os/clock.h"
#include "os/measure.h"
#include "os/process.h"
#include "os/processors.h"

enum { MEBIBYTE = 1 << 20, EATEN = 64 * MEBIBYTE, BURN_NS = 100000000, EXIT_CODE = 7 };

static const char self[] = "/proc/self/exe";
static const char *const no_settings[] = {NULL};

/* ---- roles ----------------------------------------------------------------------------------- */

static uint8_t *volatile eaten; /* volatile, so that what nobody reads is written all the same */

/* So much time of the processor, however long that takes on a busy machine. */
static void burn(void) {
  while ((int64_t)clock() * (1000000000 / CLOCKS_PER_SEC) < BURN_NS) cpu_relax();
}

static int play_speaker(void) {
  printf("%s %s\n", getenv("MEASURE_TEST"), getchar() == EOF ? "no input" : "input");
  return EXIT_CODE;
}

static int play_writer(void) {
  FILE *out = fopen(getenv("MEASURE_NOTE"), "w");
  CHECK(out != NULL);
  fputs("a note", out);
  return fclose(out);
}

static int play_parent_of_burner(void) {
  const pid_t child = fork();
  if (child == 0) {
    burn();
    _exit(0);
  }
  waitpid(child, NULL, 0);
  return 0;
}

static int play_eater(void) {
  eaten = memory_alloc(EATEN);
  CHECK(eaten != NULL);
  memset(eaten, 1, EATEN);
  for (;;) pause(); /* until whoever measures has seen it, and kills it */
}

/* Two threads of this machine that compute on one processor: each is ready for about as long as it runs. */
static int play_crowd(void) {
  int numbers[PROCESSORS_MAX];
  CHECK(processors_allowed(numbers, PROCESSORS_MAX) > 0);
  CHECK_EQ(processors_allow(numbers, 1), STATUS_OK);
  const pid_t child = fork();
  process_lead_group(); /* as a worker does: it belongs to the run all the same */
  burn();
  if (child == 0) _exit(0);
  waitpid(child, NULL, 0);
  return 0;
}

/* A child that ends when it may use one processor alone; its parent may still use all. */
static int play_bound(void) {
  int numbers[PROCESSORS_MAX];
  const size_t all = processors_allowed(numbers, PROCESSORS_MAX);
  const pid_t child = fork();
  if (child == 0) {
    while (processors_allowed(numbers, PROCESSORS_MAX) != 1) sched_yield();
    _exit(0);
  }
  waitpid(child, NULL, 0);
  return processors_allowed(numbers, PROCESSORS_MAX) == all ? 0 : 1;
}

/* Two processes that never end, and say through the inherited pipe that they run. */
static int play_sleepers(const char *pipe_end) {
  fork();
  CHECK_EQ(write(atoi(pipe_end), "x", 1), 1);
  for (;;) pause();
}

static int play_role(char **arguments) {
  if (strcmp(arguments[1], "speaker") == 0) return play_speaker();
  if (strcmp(arguments[1], "parent") == 0) return play_parent_of_burner();
  if (strcmp(arguments[1], "eater") == 0) return play_eater();
  if (strcmp(arguments[1], "writer") == 0) return play_writer();
  if (strcmp(arguments[1], "crowd") == 0) return play_crowd();
  if (strcmp(arguments[1], "bound") == 0) return play_bound();
  return play_sleepers(arguments[2]);
}

/* ---- tests ----------------------------------------------------------------------------------- */

static void measure(struct measurement *m, const char *role, const char *const *settings) {
  const char *const arguments[] = {self, role, NULL};
  const struct measure_options order = {.program = self, .arguments = arguments, .settings = settings};
  measure_init(m);
  CHECK_EQ(measure_start(m, &order), STATUS_OK);
  CHECK_EQ(measure_wait(m, deadline_never()), STATUS_OK);
}

static void output_exit_code_and_settings_are_the_programs(void) {
  const char *const settings[] = {"MEASURE_TEST=hello", NULL};
  setenv("MEASURE_TEST", "replaced", 1);
  struct measurement m;
  measure(&m, "speaker", settings);
  static const char expected[] = "hello no input\n";
  CHECK_EQ(m.report.exit_code, EXIT_CODE);
  CHECK_EQ(m.report.output.len, sizeof expected - 1);
  CHECK(memcmp(m.report.output.data, expected, sizeof expected - 1) == 0);
  measure_end(&m);
  measure_end(&m);
}

static void what_the_program_notes_is_reported_and_what_it_does_not_is_empty(void) {
  const char *const arguments[] = {self, "writer", NULL};
  const char *const notes[] = {"MEASURE_NOTE", "MEASURE_OTHER", NULL};
  const struct measure_options order = {
      .program = self, .arguments = arguments, .settings = no_settings, .notes = notes};
  struct measurement m;
  measure_init(&m);
  CHECK_EQ(measure_start(&m, &order), STATUS_OK);
  CHECK_EQ(measure_wait(&m, deadline_never()), STATUS_OK);
  CHECK_EQ(m.report.exit_code, 0);
  CHECK_EQ(m.report.notes[0].len, 6);
  CHECK(memcmp(m.report.notes[0].data, "a note", 6) == 0);
  CHECK_EQ(m.report.notes[1].len, 0);
  measure_end(&m);
}

static void more_notes_than_there_is_room_for_are_refused(void) {
  const char *const arguments[] = {self, "writer", NULL};
  const char *const notes[] = {"A", "B", "C", NULL};
  const struct measure_options order = {
      .program = self, .arguments = arguments, .settings = no_settings, .notes = notes};
  struct measurement m;
  measure_init(&m);
  CHECK_EQ(measure_start(&m, &order), -E2BIG);
  CHECK_EQ(m.pid, 0);
}

static void processor_time_of_children_counts(void) {
  struct measurement m;
  measure(&m, "parent", no_settings);
  CHECK(m.report.wall_ns >= BURN_NS / 2);
  CHECK(m.report.cpu_ns >= BURN_NS / 2); /* the kernel counts it in its own way */
  measure_end(&m);
}

static void the_peak_holds_what_was_touched(void) {
  const char *const arguments[] = {self, "eater", NULL};
  const struct measure_options order = {
      .program = self, .arguments = arguments, .settings = no_settings, .notes = NULL};
  struct measurement m;
  measure_init(&m);
  CHECK_EQ(measure_start(&m, &order), STATUS_OK);
  while (m.report.peak_bytes <= EATEN) CHECK_EQ(measure_wait(&m, deadline_after(0.1)), STATUS_TIMEOUT);
  measure_end(&m);
}

static void a_program_that_is_not_there_ends_with_127(void) {
  const char *const arguments[] = {"none", NULL};
  const struct measure_options order = {
      .program = "/nowhere/none", .arguments = arguments, .settings = no_settings};
  struct measurement m;
  measure_init(&m);
  CHECK_EQ(measure_start(&m, &order), STATUS_OK);
  CHECK_EQ(measure_wait(&m, deadline_never()), STATUS_OK);
  CHECK_EQ(m.report.exit_code, 127);
  measure_end(&m);
}

static void giving_up_ends_the_whole_session(void) {
  int ends[2];
  char number[16];
  CHECK_EQ(pipe(ends), 0);
  snprintf(number, sizeof number, "%d", ends[1]);
  const char *const arguments[] = {self, "sleepers", number, NULL};
  const struct measure_options order = {.program = self, .arguments = arguments, .settings = no_settings};
  struct measurement m;
  measure_init(&m);
  CHECK_EQ(measure_start(&m, &order), STATUS_OK);
  close(ends[1]);
  char byte;
  CHECK_EQ(read(ends[0], &byte, 1), 1);
  CHECK_EQ(read(ends[0], &byte, 1), 1);
  CHECK_EQ(measure_wait(&m, deadline_after(0.05)), STATUS_TIMEOUT);
  measure_end(&m);
  CHECK_EQ(read(ends[0], &byte, 1), 0); /* nobody is left who could write */
  close(ends[0]);
}

static void each_thread_but_the_first_is_bound_to_a_processor(void) {
  const char *const arguments[] = {self, "bound", NULL};
  const struct measure_options order = {
      .program = self, .arguments = arguments, .settings = no_settings, .binds_threads = true};
  struct measurement m;
  measure_init(&m);
  CHECK_EQ(measure_start(&m, &order), STATUS_OK);
  CHECK_EQ(measure_wait(&m, deadline_never()), STATUS_OK);
  CHECK_EQ(m.report.exit_code, 0);
  measure_end(&m);
}

/* Of the second process a part may be missing, behind the last look. */
static void a_thread_without_a_processor_stands_ready(void) {
  struct measurement m;
  measure(&m, "crowd", no_settings);
  CHECK_EQ(m.report.exit_code, 0);
  CHECK(m.threads.is_known);
  CHECK(m.threads.count >= 2); /* a sanitizer has threads of its own */
  bool has_child = false;
  for (size_t i = 1; i < m.threads.count; i++)
    has_child = has_child || m.threads.list[i].process != m.threads.list[0].process;
  CHECK(has_child);
  const struct run_thread *first = &m.threads.list[0];
  CHECK(first->ran_ns >= BURN_NS / 2);
  int64_t ready = 0;
  for (size_t i = 0; i < m.threads.count; i++) ready += m.threads.list[i].ready_ns;
  CHECK(ready >= BURN_NS / 4); /* the one ran while the other waited */
  CHECK(m.threads.lost_ns > 0 && m.threads.lost_ns <= m.report.wall_ns);
  CHECK(m.report.met.faults > 0);
  CHECK(m.report.met.switches + m.report.met.forced_switches > 0);
  measure_end(&m);
}

static int open_descriptors(void) {
  DIR *list = opendir("/proc/self/fd");
  int count = 0;
  while (readdir(list)) count++;
  closedir(list);
  return count;
}

static void no_descriptor_is_left(void) {
  const int before = open_descriptors();
  for (int i = 0; i < 20; i++) {
    struct measurement m;
    measure(&m, "speaker", no_settings);
    measure_end(&m);
  }
  CHECK_EQ(open_descriptors(), before);
}

#if defined(MM_FAULTS)
static void without_memory_nothing_runs(void) {
  const char *const arguments[] = {self, "speaker", NULL};
  const struct measure_options order = {.program = self, .arguments = arguments, .settings = no_settings};
  struct measurement m;
  memory_fail_after(1);
  measure_init(&m);
  CHECK_EQ(measure_start(&m, &order), -ENOMEM);
  memory_fail_after(0);
  CHECK_EQ(m.pid, 0);
}
#endif

int main(int argc, char **argv) {
  if (argc > 1) return play_role(argv);
  output_exit_code_and_settings_are_the_programs();
  what_the_program_notes_is_reported_and_what_it_does_not_is_empty();
  more_notes_than_there_is_room_for_are_refused();
  processor_time_of_children_counts();
  the_peak_holds_what_was_touched();
  a_program_that_is_not_there_ends_with_127();
  a_thread_without_a_processor_stands_ready();
  each_thread_but_the_first_is_bound_to_a_processor();
  giving_up_ends_the_whole_session();
  no_descriptor_is_left();
#if defined(MM_FAULTS)
  without_memory_nothing_runs();
#endif
  return 0;
}
