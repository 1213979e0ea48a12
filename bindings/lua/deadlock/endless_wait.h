/* SPDX-License-Identifier: MIT */
/* A wait that only this program can end, and that has no deadline: once it is a slice old (core/waiting.h) it stands in
 * the wait graph (shared/wait_graph.h). There a cycle through it is found, and a program that stands still
 * (deadlock/standstill.h). Waits for locks, which look more often, stand there by locks/lock_wait.h.
 *
 * I1  Between two attempts the waiter runs no code of the script, or else ends its entry before that. What may change
 *     without one of the program's threads (a time limit, a worker that is replaced) is no endless wait.
 */
#ifndef BINDINGS_DEADLOCK_ENDLESS_WAIT_H
#define BINDINGS_DEADLOCK_ENDLESS_WAIT_H

#include "process/worker_status.h"
#include "shared/wait_graph.h"
#include "state/vm.h"

struct endless_wait {
  enum wait_use use;
  const struct worker_status *worker; /* WAIT_FOR_END: whose */
  lua_State *task;                    /* of the waits of tasks: one of them, that stands for all; or NULL */
  const char *tasks;                  /* what they are called */
  bool is_last;                       /* the waiter's program ends, and cannot be refused */
  struct wait_cycle *cycle;           /* of a wait that is refused; NULL: it is not */
  uint64_t stamp;                     /* 0: the attempt under way is no look */
  uint32_t epoch;                     /* the process that waits; another one after a fork */
  struct graph_wait graph;
  struct standstill seen;
};

void endless_wait_init(struct endless_wait *e, enum wait_use use);
/* Before each attempt. Any thread. */
void endless_wait_begin_look(struct endless_wait *e);
/* After an attempt that found nothing. True: it would wait for ever, and the caller gives up and calls endless_wait_refuse.
 * [-0, +0, does not raise] */
MUST_CHECK bool endless_wait_look(lua_State *L, struct endless_wait *e) REQUIRES(rank_vm);
/* The wait is over, or begins anew. */
void endless_wait_end(struct endless_wait *e);
/* Raises the mm.Error of a wait that is refused. [raises] */
NO_RETURN void endless_wait_refuse(lua_State *L, struct endless_wait *e, const char *method);

/* ---- for Lua --------------------------------------------------------------------------------- */

/* standing_wait() → a wait of the calling thread, for a loop of short waits in which nothing happens: begin() before each
 * of them, look() after each, finish() before anything else happens. look(describe): where tasks wait, describe() → the
 * coroutine of one of them, and what they are called. [-0, +1, memory] */
int endless_wait_new(lua_State *L);

#endif
