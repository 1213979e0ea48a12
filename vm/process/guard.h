/* SPDX-License-Identifier: MIT */
/* The guard of a sandboxed worker: the process of the program that stands between the two.
 *
 *     program ── rings, worker status ──► guard ── frames, one page ──► sandboxed worker
 *
 * The program sees the guard as its worker. The guard forks the sandboxed worker, which leaves the
 * program's segment (process/sandboxed.h), serves its requests, and ends as it ended. A kill of the guard
 * kills the worker. docs/decisions/0028-the-sandbox.md has the reasons.
 *
 * I1  The guard believes nothing that the worker sends: it bounds each number, and marks each
 *     message that it passes on as foreign (wire/message.h).
 * I2  The worker can name only queues that a message of the program carried to it. The guard holds
 *     each of them as often as the worker has stand-ins of it.
 * I3  The guard waits for no longer than GUARD_LOOK_SECONDS without looking whether the worker
 *     lives.
 *
 * One thread, which runs no Lua.
 */
#ifndef PROCESS_GUARD_H
#define PROCESS_GUARD_H

#include "os/mapping.h"
#include "process/sandbox_frame.h"
#include "process/worker_status.h"
#include "shared/ring.h"

/* A page that both processes map; the worker may write anything in it. */
struct sandbox_page {
  _Atomic uint32_t refused;        /* the system call that ended the worker, plus one; 0: none */
  _Atomic uint32_t item;           /* of the task: the one that runs */
  _Atomic uint64_t stop_requested; /* written by the guard: see worker_status */
};

struct guard {
  int32_t pid; /* the sandboxed worker's */
  int pidfd;
  int channel;
  struct mapping page_map;
  struct sandbox_page *page;
  struct worker_status *worker_status; /* the program's */
  uint64_t payload_max;                /* bytes of a frame */
  struct frame request;                /* the last one … */
  struct bytes payload;                /* … and its payload */
  struct bytes lent;                   /* of struct lent_queue: I2 */
  struct bytes inbox;
};

enum guard_side { GUARD_OUTSIDE, GUARD_INSIDE };

/* Forks the sandboxed worker. Inside, `g` has the channel and the page. */
MUST_CHECK status guard_start(struct guard *g, struct worker_status *worker_status, uint64_t payload_max,
                              enum guard_side *side);
/* Lends the worker the queues among the handles of a message that is about to be sent to it. The
 * caller's message holds them meanwhile. -ENOMEM. */
MUST_CHECK status guard_lend(struct guard *g, const void *message, size_t size);
/* Receives the worker's next request that is not a call of a queue; those it answers. STATUS_CLOSED:
 * the worker has ended, or broke the rules of frames. */
MUST_CHECK status guard_receive(struct guard *g);
/* Sends an answer. STATUS_CLOSED, as above. */
MUST_CHECK status guard_send(struct guard *g, struct frame *f, const void *head, size_t head_size,
                             const void *body, size_t body_size);
/* Sleeps until the ring may have a message, GUARD_LOOK_SECONDS at most. STATUS_CLOSED: the worker
 * has ended. */
MUST_CHECK status guard_wait_readable(struct guard *g, struct ring *ring);
/* Ends a worker that broke the rules of frames. */
void guard_kill(const struct guard *g);
/* Waits for the worker's end and returns its exit code. */
int guard_end(struct guard *g);

#endif
