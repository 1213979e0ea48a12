/* SPDX-License-Identifier: MIT */
/* A worker's status: what it says about itself in the segment, readable after its death.
 *
 * One small block, owned by the parent, which makes it before the worker starts and frees it
 * after the worker's end. The worker (or the fork server, for a process that was killed) writes,
 * the parent reads.
 */
#ifndef PROCESS_WORKER_STATUS_H
#define PROCESS_WORKER_STATUS_H

#include "process/result_journal.h"
#include "shared/segment.h"

enum {
  WORKER_STATUS_MAGIC = 0x4d4d4345,
  WORKER_STATUS_NAME_MAX = 48,
  WORKER_STATUS_ITEM_BITS = 20,
  WORKER_STATUS_BLOCK = 1024
};
enum worker_status_phase { WORKER_STATUS_STARTING = 0, WORKER_STATUS_RUNNING = 1, WORKER_STATUS_ENDED = 2 };

struct worker_status {
  _Atomic uint32_t magic;
  _Atomic int32_t pid; /* of the worker's process and thread, once it runs */
  _Atomic int32_t tid;
  futex_word
      reported; /* 1: the fork server has said how its child ended, and uses the worker status no more */
  char name[WORKER_STATUS_NAME_MAX]; /* the worker's; for those who look on, who may find it half written */
  futex_word phase;                  /* enum worker_status_phase; who ends stores it last, then wakes */
  _Atomic int32_t exit_code;         /* valid once ENDED: 0 …, or -N for signal N */
  _Atomic uint64_t claim; /* pool worker: the number of the task in its hands; see ring_take_claimed */
  _Atomic uint32_t item;  /* which of that task's items runs, from 1; the ones before it have run */
  _Atomic uint64_t
      limit; /* number of a task << WORKER_STATUS_ITEM_BITS | the last item of it that may begin */
  _Atomic uint64_t doomed;   /* not 0: the parent wants it to end before it begins anything else */
  _Atomic int64_t begun_ns;  /* when it began, as far as the worker looks at the clock; 0: nothing runs */
  _Atomic int64_t made_ns;   /* when the worker status was made, … */
  _Atomic int64_t ready_ns;  /* … and when the worker first asked for work; 0: not yet */
  _Atomic uint64_t items;    /* pool worker: calls that have ended, */
  _Atomic uint64_t busy_ns;  /* how long they took, */
  _Atomic uint64_t bytes_in; /* and what went in and out for them */
  _Atomic uint64_t bytes_out;
  _Atomic waker_set watchers; /* wakers of those who wait for the end among other things */
  struct result_journal result_journal;
};
_Static_assert(sizeof(struct worker_status) <= WORKER_STATUS_BLOCK, "a cell is a block of this size");

MUST_CHECK status worker_status_make(struct worker_status **out);
void worker_status_destroy(struct worker_status *c);
/* The worker, on its own thread, stores its identity. */
void worker_status_introduce(struct worker_status *c, const char *name);
/* The worker runs; watchers of the phase look again. */
void worker_status_run(struct worker_status *c);
/* Publishes the exit code. Later calls are ignored. */
void worker_status_end(struct worker_status *c, int exit_code);
bool worker_status_has_ended(const struct worker_status *c);
/* The fork server's last word about its child, whose own counts if there was one. */
void worker_status_report(struct worker_status *c, int exit_code);
/* After worker_status_end, by a worker whose worker status outlives it: the worker status of an ended worker may
 * be freed at once. */
void worker_status_wake(struct worker_status *c);
/* The wakers ring when such a worker ends. True: it has ended. */
MUST_CHECK bool worker_status_watch(struct worker_status *c, waker_set wakers);
/* STATUS_OK once it has ended; STATUS_TIMEOUT; STATUS_INTERRUPTED. */
MUST_CHECK status worker_status_wait_end(struct worker_status *c, deadline until);
/* The same for worker_status_report: until then the worker status must not be freed. */
MUST_CHECK status worker_status_wait_report(struct worker_status *c, deadline until);

#endif
