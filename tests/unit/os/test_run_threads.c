/* SPDX-License-Identifier: MIT */
/* What a run lost, from looks at this process and its child. */
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/check.h"
#include "os/clock.h"
#include "os/run_threads.h"

enum { MOMENT_NS = 5000000 };

static void burn(void) {
  const int64_t until = clock_now_ns() + MOMENT_NS;
  while (clock_now_ns() < until) cpu_relax();
}

static void times_of_a_thread_grow_and_stay_one_entry(void) {
  struct run_threads t;
  run_threads_init(&t, RUN_UNIT_THREAD, clock_now_ns());
  run_threads_look(&t, getpid());
  CHECK(t.is_known);
  CHECK_EQ(t.count, 1);
  const int64_t before = t.list[0].ran_ns + t.list[0].ready_ns;
  burn();
  run_threads_look(&t, getpid());
  CHECK_EQ(t.count, 1);
  CHECK(t.list[0].ran_ns + t.list[0].ready_ns > before);
  run_threads_fini(&t);
  run_threads_fini(&t);
}

static void no_more_is_lost_than_the_time_that_passed(void) {
  struct run_threads t;
  const int64_t began = clock_now_ns();
  run_threads_init(&t, RUN_UNIT_PROCESS, began);
  for (int i = 0; i < 3; i++) {
    burn();
    run_threads_look(&t, getpid());
    run_threads_end_look(&t, clock_now_ns());
    CHECK(t.lost_ns >= 0 && t.lost_ns <= t.look_ns - began);
  }
  run_threads_fini(&t);
}

static void a_process_that_has_ended_and_one_that_is_not_there_do_no_harm(void) {
  struct run_threads t;
  run_threads_init(&t, RUN_UNIT_THREAD, clock_now_ns());
  const pid_t child = fork();
  if (child == 0) _exit(0);
  siginfo_t ended;
  CHECK_EQ(waitid(P_PID, (id_t)child, &ended, WEXITED | WNOWAIT), 0);
  run_threads_look(&t, child); /* not reaped: its times are still there */
  CHECK_EQ(t.count, 1);
  CHECK_EQ(waitpid(child, NULL, 0), child);
  run_threads_look(&t, child);
  CHECK_EQ(t.count, 1);
  run_threads_fini(&t);
}

int main(void) {
  times_of_a_thread_grow_and_stay_one_entry();
  no_more_is_lost_than_the_time_that_passed();
  a_process_that_has_ended_and_one_that_is_not_there_do_no_harm();
  return 0;
}
