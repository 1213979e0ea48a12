/* SPDX-License-Identifier: MIT */
/* One call that was handed to a VM.
 *
 * I1  `owners` counts its owners: the program, if it kept the job, and the one that has it at the
 *     moment (its VM while it waits or runs, the runtime until its `done` was called).
 * I2  Phases only rise. The outcome is written by the running thread before the phase is JOB_ENDED,
 *     and never after: a thread that has seen that phase reads it without a lock.
 */
#ifndef C_JOB_H
#define C_JOB_H

#include "c/request.h"
#include "c/spin.h"

enum job_phase { JOB_WAITS = 0, JOB_RUNS = 1, JOB_ENDED = 2 };

struct mm_job {
  _Atomic unsigned owners;
  futex_word phase; /* enum job_phase */
  _Atomic uint32_t sleepers;
  struct mm_job *next;                /* in whichever list it is */
  struct mm_vm *vm;                   /* that it was handed to, with a share in it; NULL: none */
  void (*leave_vm)(struct mm_vm *vm); /* gives that share back, with the last owner; set with `vm` */
  bool is_watched;                    /* somebody will hear how it ends */
  mm_done_fn done;
  void *done_argument;
  uint32_t timeout_ms;
  int priority;
  struct request request;
  struct outcome outcome;
};

/* A job with one owner, and empty. NULL: no memory. */
struct mm_job *job_make(void);
void job_keep(struct mm_job *j);
void job_release(struct mm_job *j);
/* Takes the outcome over and wakes the waiters. */
void job_end(struct mm_job *j, struct outcome outcome);
static inline bool job_has_ended(const struct mm_job *j) { return atomic_load(&j->phase) == JOB_ENDED; }
/* STATUS_TIMEOUT: not yet. `asking` is how those who wait for jobs of that VM spin. */
MUST_CHECK status job_wait(struct mm_job *j, struct spin *asking, deadline until);

/* Jobs in the order in which they came. Whose lock protects a list says its owner. */
struct job_list {
  struct mm_job *first;
  struct mm_job *last;
};
void job_list_add(struct job_list *list, struct mm_job *j);
struct mm_job *job_list_take(struct job_list *list);

#endif
