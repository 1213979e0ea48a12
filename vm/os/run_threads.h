/* SPDX-License-Identifier: MIT */
/* The threads of a run, looked at from outside now and then: how long each ran, and how long it stood
 * ready without a processor.
 *
 * A caller looks at all processes of the run, one after the other, and then ends the look. What a thread
 * did after the last look at it is not known: both times are too small by the same share, so that their
 * ratio is right.
 *
 * The critical path. In the time between two looks the run went on by as much as the unit did that ran
 * longest. Of the rest of that time it lost what two units stood ready for, those that stood longest: a
 * chain of calls has two ends, a caller and a worker. A unit is a thread where each thread has a VM of its
 * own, and a process where its threads take turns. So the length of the run less what it lost is an estimate
 * of how long it would take if a processor were free whenever one is wanted.
 *
 * One thread. All memory is private to the caller.
 */
#ifndef OS_RUN_THREADS_H
#define OS_RUN_THREADS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

/* Of a run with more threads the first ones are known. */
enum { RUN_THREADS_MAX = 4096 };

enum run_unit { RUN_UNIT_THREAD, RUN_UNIT_PROCESS };

struct run_thread {
  int32_t process;
  int32_t thread;
  int64_t ran_ns;
  int64_t ready_ns;
  bool has_ended; /* the system gave its number to a later one */
};

struct run_threads {
  struct run_thread *list;
  size_t count;
  size_t room;
  enum run_unit unit;
  bool binds_new; /* each new thread stays on one processor, in turns */
  int next_processor;
  bool is_known;   /* the system told the times of some thread */
  int64_t lost_ns; /* of the critical path */
  int64_t ran_ns;  /* of all threads, and of the units that ran longest in their look */
  int64_t path_ran_ns;
  int64_t look_ns;     /* when the last look ended */
  int64_t most_ran_ns; /* in the look that is under way: of one unit */
  int64_t most_ready_ns[2];
  int64_t
      ready_left_ns; /* what the look before did not count: a look takes time itself, in which threads go on */
  int64_t rest_left_ns;
};

/* How long a thread of any process ran. -ESRCH: it has ended, or the system does not tell. */
MUST_CHECK status run_threads_time(int32_t process, int32_t thread, int64_t *ran_ns);
void run_threads_init(struct run_threads *t, enum run_unit unit, int64_t now_ns);
void run_threads_fini(struct run_threads *t);
/* Reads the times of all threads of the process; one that has ended but was not reaped has its first. */
void run_threads_look(struct run_threads *t, int32_t process);
/* After all processes. */
void run_threads_end_look(struct run_threads *t, int64_t now_ns);
/* At the end, with the processor time of the whole run: what threads ran behind the last look at them was not
 * lost. */
void run_threads_finish(struct run_threads *t, int64_t all_ran_ns);

#endif
