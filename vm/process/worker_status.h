/* SPDX-License-Identifier: MIT */
/* A worker's status: the worker publishes its phase, its claim and its exit code in the segment,
 * readable after its death.
 *
 * One small block, owned by the parent, which makes it before the worker starts and frees it after
 * the worker's end. The worker (or the fork server, for a process that was killed) writes, the
 * parent reads.
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
  _Atomic uint64_t thread; /* as in its execution context (shared/execution_context.h); 0: not known */
  futex_word reported;     /* 1: the fork server has reported its child's end */
  char name[WORKER_STATUS_NAME_MAX]; /* the worker's; inspectors may read half of it */
  futex_word phase;                  /* enum worker_status_phase; ENDED comes last */
  _Atomic int32_t exit_code;         /* valid once ENDED: 0 …, or -N for signal N */
  _Atomic uint64_t claim;            /* pool worker: its task's number; see ring_take_claimed */
  _Atomic uint32_t item;             /* the task's item that runs, from 1 */
  _Atomic uint64_t limit;            /* task << WORKER_STATUS_ITEM_BITS | last item to begin */
  _Atomic uint64_t stop_requested;   /* not 0: it must end before it begins another call */
  _Atomic uint32_t
      leave_requested; /* pool worker; 1: it ends when it has no task, and finishes the one that it has */
  _Atomic int64_t begun_ns;  /* start of the item, by the last clock read; 0: none */
  _Atomic int64_t made_ns;   /* when the status was made, … */
  _Atomic int64_t ready_ns;  /* … and when the worker first asked for work; 0: not yet */
  _Atomic uint64_t items;    /* pool worker: calls that have ended, */
  _Atomic uint64_t busy_ns;  /* their total duration, */
  _Atomic uint64_t bytes_in; /* and the bytes of their messages */
  _Atomic uint64_t bytes_out;
  _Atomic uint32_t refused;   /* system call, plus one, by which a sandbox ended it; 0: none */
  _Atomic waker_set watchers; /* wakers that are registered for the worker's end */
  struct result_journal result_journal;
};
_Static_assert(sizeof(struct worker_status) <= WORKER_STATUS_BLOCK,
               "a worker status is a block of this size");

/* A new status in phase STARTING, owned by this process. -ENOMEM. */
MUST_CHECK status worker_status_make(struct worker_status **out);
/* Frees the status. The worker has ended, and so have all waits. */
void worker_status_destroy(struct worker_status *s);
/* Stores the worker's identity. Called on its own thread, whose name in an execution context is `thread`; 0: it takes
 * no locks. */
void worker_status_introduce(struct worker_status *s, const char *name, uint64_t thread);
/* Sets the phase to RUNNING and wakes its waiters. False: the start was cancelled, and the worker ends
 * without running. */
bool worker_status_run(struct worker_status *s);
/* Cancels the start. False: the worker runs, or has ended. */
MUST_CHECK bool worker_status_cancel(struct worker_status *s);
/* Publishes the exit code. Later calls are ignored. */
void worker_status_end(struct worker_status *s, int exit_code);
/* Whether the parent has taken back this item of the task with this number. */
bool worker_status_is_beyond_limit(const struct worker_status *s, uint64_t task, uint64_t item);
/* Whether the exit code is valid. The process itself may live for a moment longer. */
bool worker_status_has_ended(const struct worker_status *s);
/* Publishes the exit code of the fork server's child, unless the child did, and marks it
 * reported. */
void worker_status_report(struct worker_status *s, int exit_code);
/* Wakes the watchers after worker_status_end. Only for a worker that keeps its status alive: the
 * status of an ended worker may be freed at any time. */
void worker_status_wake(struct worker_status *s);
/* Registers the wakers, which are woken when such a worker ends. True: it has ended. */
MUST_CHECK bool worker_status_watch(struct worker_status *s, waker_set wakers);
/* Waits for the end. STATUS_OK: it has ended; STATUS_TIMEOUT; STATUS_INTERRUPTED. */
MUST_CHECK status worker_status_wait_end(struct worker_status *s, deadline until);
bool worker_status_is_reported(const struct worker_status *s);
/* Waits for worker_status_report; the worker status must not be freed before it. */
MUST_CHECK status worker_status_wait_report(struct worker_status *s, deadline until);

#endif
