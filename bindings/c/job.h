/* SPDX-License-Identifier: MIT */
/* A job (mm_job): a call or a chunk that a program has submitted to a VM.
 *
 * I1  `owners` counts its owners: the program, if it kept the job, and the present holder (the VM
 *     while the job waits or runs, then the runtime until `done` was called).
 * I2  The phase only rises. The running thread writes the outcome before it sets JOB_ENDED, and
 *     never after. So a thread that has read JOB_ENDED reads the outcome without a lock.
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
  struct mm_job *next;                  /* in the queue of its VM, or in the outbox */
  struct mm_vm *vm;                     /* the VM, of which the job is an owner; NULL: not submitted */
  void (*release_vm)(struct mm_vm *vm); /* called with `vm` when the job is freed; set with `vm` */
  bool is_watched;                      /* the program gets the outcome; else failures are logged */
  mm_done_fn done;
  void *done_argument;
  uint32_t timeout_ms;
  int priority;
  struct request request;
  struct outcome outcome;
};

/* An empty job with one owner. NULL: no memory. */
struct mm_job *job_make(void);
/* Adds an owner. */
void job_keep(struct mm_job *j);
/* Removes an owner; the last one frees the job. */
void job_release(struct mm_job *j);
/* Takes the outcome over and wakes the waiters. */
void job_end(struct mm_job *j, struct outcome outcome);
/* Whether its outcome is published and may be read. Any thread. */
static inline bool job_has_ended(const struct mm_job *j) { return atomic_load(&j->phase) == JOB_ENDED; }
/* Waits for the end of a job. STATUS_TIMEOUT. `spin` is that of threads that wait for jobs of its
 * VM. */
MUST_CHECK status job_wait(struct mm_job *j, struct spin *spin, deadline until);

/* A first-in, first-out list of jobs. Its owner says which lock protects it. */
struct job_list {
  struct mm_job *first;
  struct mm_job *last;
};
/* At the end. The list takes over the caller's reference. */
void job_list_add(struct job_list *list, struct mm_job *j);
/* NULL: the list is empty. */
struct mm_job *job_list_take(struct job_list *list);

#endif
