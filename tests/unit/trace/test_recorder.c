/* SPDX-License-Identifier: MIT */
/* Every mark is in the file, of each thread and process and however it ended; no memory is left
 * allocated.
 */
#include "trace/recorder.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/check.h"
#include "os/process.h"
#include "os/thread.h"
#include "trace/trace.h"

enum { THREADS = 4, MANY = 20000, ROUNDS = 20 };

static const char path[] = "trace.json";

/* ---- the file -------------------------------------------------------------------------------- */

static void start(uint64_t limit) {
  const struct recorder_options options = {.path = path, .program = "a \"test\"\x01\xff", .limit = limit};
  CHECK_EQ(recorder_start(&options), STATUS_OK);
}

static void stop(void) { CHECK_EQ(recorder_stop(), STATUS_OK); }

/* Calls visit for each line of the file, which is whole. */
static void each_line(void (*visit)(void *context, const char *line), void *context) {
  char line[512] = "";
  FILE *file = fopen(path, "r");
  CHECK(file != NULL);
  while (fgets(line, sizeof line, file)) visit(context, line);
  fclose(file);
  CHECK(strcmp(line, "]}\n") == 0);
}

struct search {
  const char *what;
  long count;
  long number; /* behind the last one */
};

static void search_line(void *context, const char *line) {
  struct search *s = context;
  const char *at = strstr(line, s->what);
  if (!at) return;
  s->count++;
  s->number = strtol(at + strlen(s->what), NULL, 10);
}

static struct search search_for(const char *what) {
  struct search s = {.what = what};
  each_line(search_line, &s);
  return s;
}

/* Number of lines that contain `what`. */
static long occurrences(const char *what) { return search_for(what).count; }

static long recorded(void) { return search_for("\"recorded\":").number; }
static long dropped(void) { return search_for("\"dropped\":").number; }

static void mark_tasks(long count) {
  for (long i = 0; i < count; i++) {
    trace_mark(TRACE_TASK_START);
    trace_mark(TRACE_TASK_END);
  }
}

static const char task[] = "\"cat\":\"task\"";

/* ---- one thread ------------------------------------------------------------------------------ */

static void what_is_marked_while_nothing_is_recorded_is_gone(void) {
  const uint64_t used = arena_used(segment_arena());
  mark_tasks(10);
  CHECK_EQ(arena_used(segment_arena()), used);
  start(RECORDER_LIMIT_DEFAULT);
  stop();
  CHECK_EQ(recorded(), 0);
  CHECK_EQ(occurrences(task), 0);
}

static void check_order(void *context, const char *line) {
  double *before = context;
  const char *at = strstr(line, "\"ts\":");
  const double now = at ? strtod(at + 5, NULL) : *before;
  CHECK(now >= *before);
  *before = now;
}

static void many_events_are_all_there_in_order(void) {
  start(RECORDER_LIMIT_DEFAULT);
  mark_tasks(MANY);
  stop();
  CHECK_EQ(recorded(), 2 * MANY);
  CHECK_EQ(dropped(), 0);
  CHECK_EQ(occurrences(task), MANY);
  CHECK_EQ(occurrences("\"program\":\"a \\\"test\\\"\\u0001\\ufffd\""), 1);
  double before = 0;
  each_line(check_order, &before);
}

static void what_exceeds_the_limit_is_counted(void) {
  start(RECORDER_LIMIT_LEAST);
  mark_tasks(MANY);
  stop();
  CHECK(recorded() <= RECORDER_LIMIT_LEAST && recorded() > 0);
  CHECK_EQ(recorded() + dropped(), 2 * MANY);
  start(RECORDER_LIMIT_DEFAULT);
  mark_tasks(10);
  stop();
  CHECK_EQ(recorded(), 20);
  CHECK_EQ(dropped(), 0);
}

static void an_open_slice_ends_with_the_recording(void) {
  start(RECORDER_LIMIT_DEFAULT);
  trace_mark(TRACE_LOCK_TAKEN);
  trace_call_next(TRACE_CALL_SLEEP);
  trace_mark(TRACE_LOCK_LEFT);
  stop();
  CHECK_EQ(occurrences("\"cat\":\"lock\",\"name\":\"holds the lock\""), 1);
  CHECK_EQ(occurrences("\"cat\":\"blocked\",\"name\":\"sleep\""), 1);
}

static void a_lock_that_is_left_first_was_held_from_the_start(void) {
  start(RECORDER_LIMIT_DEFAULT);
  trace_mark(TRACE_LOCK_LEFT);
  stop();
  CHECK_EQ(occurrences("\"ts\":0.000"), 1);
  CHECK_EQ(occurrences("holds the lock"), 1);
}

static void a_recording_that_cannot_be_says_why(void) {
  const struct recorder_options nowhere = {.path = "no/such/folder", .program = "", .limit = 1};
  const struct recorder_options full = {.path = "/dev/full", .program = "", .limit = RECORDER_LIMIT_LEAST};
  CHECK_EQ(recorder_stop(), STATUS_CLOSED);
  CHECK_EQ(recorder_start(&nowhere), -ENOENT);
  CHECK(!recorder_is_recording());
  CHECK_EQ(recorder_start(&full), STATUS_OK);
  CHECK_EQ(recorder_start(&full), -EBUSY);
  CHECK_EQ(recorder_stop(), -ENOSPC);
}

/* ---- several threads ------------------------------------------------------------------------- */

static void worker_main(void *argument) {
  trace_worker_start();
  trace_name_thread(argument);
  mark_tasks(MANY);
  trace_worker_end();
}

static void run_threads(void (*entry)(void *), struct thread threads[THREADS]) {
  static char names[THREADS][32];
  for (int i = 0; i < THREADS; i++) {
    snprintf(names[i], sizeof names[i], "Worker-%d", i);
    CHECK_EQ(thread_start(&threads[i], entry, names[i], names[i]), STATUS_OK);
  }
}

static void join_threads(struct thread threads[THREADS]) {
  for (int i = 0; i < THREADS; i++) thread_join(&threads[i]);
}

static void each_thread_has_a_lane_with_its_name(void) {
  struct thread threads[THREADS];
  start(RECORDER_LIMIT_DEFAULT);
  run_threads(worker_main, threads);
  join_threads(threads);
  stop();
  CHECK_EQ(recorded(), THREADS * (2 * MANY + 2));
  CHECK_EQ(occurrences(task), THREADS * MANY);
  CHECK_EQ(occurrences("\"cat\":\"worker\",\"name\":\"Worker-"), THREADS);
  CHECK_EQ(occurrences("\"thread_name\",\"args\":{\"name\":\"Worker-2\"}"), 1);
}

static _Atomic bool is_over;

static void restless_main(void *argument) {
  trace_worker_start();
  trace_name_thread(argument);
  while (!atomic_load(&is_over)) mark_tasks(50);
  trace_thread_runs_vm(0);
  trace_worker_end();
}

/* Threads mark all the time while recordings start and stop: each file is whole, and memory
 * returns. */
static void recordings_come_and_go_under_threads_that_mark(void) {
  struct thread threads[THREADS];
  const uint64_t used = arena_used(segment_arena());
  atomic_store(&is_over, false);
  run_threads(restless_main, threads);
  for (int i = 0; i < ROUNDS; i++) {
    start(i % 2 ? 5000 : 40000);
    mark_tasks(MANY / 4);
    stop();
    CHECK(occurrences(task) > 0);
  }
  /* Each thread may keep a lane and its last chunk, and so may this one, whose lane existed
   * before. */
  CHECK(arena_used(segment_arena()) <= used + 2 * THREADS + 1);
  atomic_store(&is_over, true);
  join_threads(threads);
  start(RECORDER_LIMIT_DEFAULT);
  mark_tasks(1);
  stop();
  CHECK(arena_used(segment_arena()) <= used + 1);
}

/* ---- several processes ----------------------------------------------------------------------- */

static void a_killed_child_leaves_what_it_marked(void) {
  start(RECORDER_LIMIT_DEFAULT);
  mark_tasks(3);
  pid_t pid = -1;
  CHECK_EQ(process_fork(&pid), STATUS_OK);
  CHECK(pid >= 0);
  if (pid == 0) {
    trace_worker_start();
    trace_name_thread("Doomed");
    mark_tasks(MANY);
    trace_mark(TRACE_LOCK_TAKEN);
    raise(SIGKILL);
  }
  int report = 0;
  CHECK_EQ(waitpid(pid, &report, 0), pid);
  CHECK(WIFSIGNALED(report));
  recorder_note_death((int32_t)pid);
  mark_tasks(4);
  stop();
  char who[64];
  snprintf(who, sizeof who, "\"pid\":%d,", (int)pid);
  CHECK_EQ(recorded(), 6 + 2 * MANY + 2 + 8);
  CHECK_EQ(occurrences(task), 7 + MANY);
  CHECK_EQ(occurrences(who), MANY + 2 + 3); /* tasks; the worker and its hold; three names */
  CHECK_EQ(occurrences("\"cat\":\"worker\",\"name\":\"Doomed\""), 1);
}

static void a_child_does_not_write_its_parents_file(void) {
  start(RECORDER_LIMIT_DEFAULT);
  pid_t pid = -1;
  CHECK_EQ(process_fork(&pid), STATUS_OK);
  CHECK(pid >= 0);
  if (pid == 0) {
    CHECK(!recorder_is_recording());
    CHECK_EQ(recorder_stop(), STATUS_CLOSED);
    exit(0); /* not _exit: its handlers run */
  }
  int report = 0;
  CHECK_EQ(waitpid(pid, &report, 0), pid);
  CHECK_EQ(report, 0);
  mark_tasks(1);
  stop();
  CHECK_EQ(occurrences(task), 1);
}

static void a_recording_without_a_path_is_kept_once(void) {
  const struct recorder_options options = {.program = "memory", .limit = RECORDER_LIMIT_DEFAULT};
  size_t size = 0;
  for (int round = 0; round < 3; round++) { /* the text of the second one is not taken */
    CHECK_EQ(recorder_start(&options), STATUS_OK);
    CHECK(recorder_take(&size) == NULL);
    mark_tasks(2);
    stop();
    if (round == 1) continue;
    char *text = recorder_take(&size);
    CHECK(text && strlen(text) == size && strstr(text, task) && strcmp(text + size - 4, "\n]}\n") == 0);
    free(text);
    CHECK(recorder_take(&size) == NULL);
  }
}

/* A look belongs to the thread that was looked at, whatever happens in the lane of the looker. */
static void a_sample_is_an_event_of_the_thread_that_it_is_of(void) {
  start(RECORDER_LIMIT_DEFAULT);
  trace_mark(TRACE_LOCK_TAKEN);
  trace_sample(4711, 17, 10000, 2500);
  trace_mark(TRACE_LOCK_LEFT);
  stop();
  CHECK_EQ(occurrences("\"tid\":4711,"), 1);
  CHECK_EQ(occurrences("\"args\":{\"stack\":17,\"time\":10000,\"ready\":2500}"), 1);
  CHECK_EQ(occurrences("\"name\":\"holds the lock\""), 1);
}

int main(void) {
  CHECK_EQ(segment_open(), STATUS_OK);
  what_is_marked_while_nothing_is_recorded_is_gone();
  many_events_are_all_there_in_order();
  what_exceeds_the_limit_is_counted();
  an_open_slice_ends_with_the_recording();
  a_lock_that_is_left_first_was_held_from_the_start();
  a_recording_that_cannot_be_says_why();
  each_thread_has_a_lane_with_its_name();
  recordings_come_and_go_under_threads_that_mark();
  a_killed_child_leaves_what_it_marked();
  a_child_does_not_write_its_parents_file();
  a_recording_without_a_path_is_kept_once();
  a_sample_is_an_event_of_the_thread_that_it_is_of();
  return 0;
}
