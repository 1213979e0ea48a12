/* SPDX-License-Identifier: MIT */
/* A worker's cell: what it says about itself in the segment, readable after its death.
 *
 * One small block, owned by the parent, which makes it before the worker starts and frees it
 * after the worker's end. The worker (or the fork server, for a process that was killed) writes,
 * the parent reads.
 */
#ifndef PROCESS_WORKER_STATUS_H
#define PROCESS_WORKER_STATUS_H

#include "process/result_journal.h"
#include "shared/segment.h"

enum { CELL_MAGIC = 0x4d4d4345, CELL_NAME_MAX = 48, CELL_ITEM_BITS = 20, CELL_BLOCK = 1024 };
enum cell_phase { CELL_STARTING = 0, CELL_RUNNING = 1, CELL_ENDED = 2 };

struct cell {
  _Atomic uint32_t magic;
  _Atomic int32_t pid; /* of the worker's process and thread, once it runs */
  _Atomic int32_t tid;
  futex_word reported;       /* 1: the fork server has said how its child ended, and uses the cell no more */
  char name[CELL_NAME_MAX];  /* the worker's; for those who look on, who may find it half written */
  futex_word phase;          /* enum cell_phase; who ends stores it last, then wakes */
  _Atomic int32_t exit_code; /* valid once ENDED: 0 …, or -N for signal N */
  _Atomic uint64_t claim;    /* pool worker: the number of the task in its hands; see ring_take_claimed */
  _Atomic uint32_t item;     /* which of that task's items runs, from 1; the ones before it have run */
  _Atomic uint64_t limit;    /* number of a task << CELL_ITEM_BITS | the last item of it that may begin */
  _Atomic uint64_t doomed;   /* not 0: the parent wants it to end before it begins anything else */
  _Atomic int64_t begun_ns;  /* when it began, as far as the worker looks at the clock; 0: nothing runs */
  _Atomic int64_t made_ns;   /* when the cell was made, … */
  _Atomic int64_t ready_ns;  /* … and when the worker first asked for work; 0: not yet */
  _Atomic uint64_t items;    /* pool worker: calls that have ended, */
  _Atomic uint64_t busy_ns;  /* how long they took, */
  _Atomic uint64_t bytes_in; /* and what went in and out for them */
  _Atomic uint64_t bytes_out;
  _Atomic waker_set watchers; /* wakers of those who wait for the end among other things */
  struct journal journal;
};
_Static_assert(sizeof(struct cell) <= CELL_BLOCK, "a cell is a block of this size");

MUST_CHECK status cell_make(struct cell **out);
void cell_destroy(struct cell *c);
/* The worker, on its own thread, stores its identity. */
void cell_introduce(struct cell *c, const char *name);
/* The worker runs; watchers of the phase look again. */
void cell_run(struct cell *c);
/* Publishes the exit code. Later calls are ignored. */
void cell_end(struct cell *c, int exit_code);
bool cell_has_ended(const struct cell *c);
/* The fork server's last word about its child, whose own counts if there was one. */
void cell_report(struct cell *c, int exit_code);
/* After cell_end, by a worker whose cell outlives it: the cell of an ended worker may
 * be freed at once. */
void cell_ring(struct cell *c);
/* The wakers ring when such a worker ends. True: it has ended. */
MUST_CHECK bool cell_watch(struct cell *c, waker_set wakers);
/* STATUS_OK once it has ended; STATUS_TIMEOUT; STATUS_INTERRUPTED. */
MUST_CHECK status cell_wait_end(struct cell *c, deadline until);
/* The same for cell_report: until then the cell must not be freed. */
MUST_CHECK status cell_wait_report(struct cell *c, deadline until);

#endif
