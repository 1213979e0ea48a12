/* SPDX-License-Identifier: MIT */
/* Waits for locks that have a holder: one without a deadline that never ends, because each waiter waits for
 * what another one holds, is found and refused (shared/wait_graph.h).
 *
 * A thread's wait stands in the wait graph once it is a tenth of a second old, and looks ten times a
 * second, without the VM's lock. For a task that its scheduler has suspended the loop looks
 * (async/sources.lua), and the task raises when its method tries again.
 *
 * I1  The list of the VM has each wait that is in the graph, or was refused. It is used under the VM's
 *     lock; the wait's own thread uses the rest of it.
 * I2  A wait leaves the graph before its caller goes on. A callback of a pool that releases a lock in the
 *     name of the thread that waits renews its wait (shared/wait_graph.h, I2).
 */
#ifndef BINDINGS_LOCKS_LOCK_WAIT_H
#define BINDINGS_LOCKS_LOCK_WAIT_H

#include "core/waiting.h"
#include "locks/lock_handle.h"
#include "shared/wait_graph.h"

struct lock_wait {
  /* Set by the caller. The attempt and its context are those of wait_in_handle. */
  struct synchronizer *s; /* held by the caller */
  struct execution_context self;
  enum wait_use use;
  const struct synchronizer_wait *line;
  wait_attempt attempt;
  void *context;
  /* For lock_wait.c alone. */
  struct lock_wait *next; /* of the VM's list */
  const struct vm_thread *thread;
  deadline next_look;
  bool is_of_task; /* on the heap */
  bool is_refused;
  bool is_alone; /* it has no holder: it ends with STATUS_DEADLOCK where no other caller has it */
  struct wait_description description;
  struct graph_wait graph;
  struct standstill seen;
  struct wait_cycle cycle; /* when it is refused; count 0: the waiter holds the lock itself */
};

/* Waits as wait_in_handle does. STATUS_DEADLOCK: it would wait for ever; the caller gives up its place in
 * line, and then calls lock_wait_refuse. Does not raise. */
MUST_CHECK status lock_wait_for(lua_State *L, const struct lock_handle *h, struct lock_wait *w,
                                deadline until) REQUIRES(rank_vm);
/* Raises the mm.Error of a wait that ended with STATUS_DEADLOCK. [raises] */
NO_RETURN void lock_wait_refuse(lua_State *L, const struct lock_wait *w, const char *method);
/* Raises the mm.Error of a wait, without a deadline, of a caller that holds the lock itself. [raises] */
NO_RETURN void lock_wait_refuse_self(lua_State *L, const char *kind, const char *method);

/* The method of a task tries again: its wait leaves the graph. If it was refused, and `is_in_vain`, it raises.
 * [-0, +0, raises] */
void lock_wait_settle(lua_State *L, const struct lock_handle *h, struct execution_context self,
                      bool is_in_vain, const char *method);
/* The caller is about to release a lock: a wait of its own is a new one from now on. */
void lock_wait_renew(struct held_locks *h, struct execution_context self);

/* held_locks_end_task(coroutine, has_died): the task has ended; it waits no longer, and what it holds is abandoned.
 * [-0, +0, raises] */
int lock_wait_end_task_call(lua_State *L);
/* For deadlock/wait_text.h: what the calling thread of this VM holds for reading. [-0, +0, memory] */
void lock_wait_open(lua_State *L);
/* look_for_deadlock(handle, coroutine or nil, name or nil, is_last) → whether its acquire is to try again, because it
 * waits for ever. The coroutine is that of a task, nil for the thread's own code; is_last: no other task of the thread
 * could release a lock. [-0, +1, memory] */
int lock_wait_look_call(lua_State *L);

#endif
