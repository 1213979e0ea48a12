/* SPDX-License-Identifier: MIT */
/* How a script waits: the VM's lock is left, a stop ends the wait, and meanwhile pools are looked
 * after.
 *
 * Every binding that may wait goes through wait_for, so what a wait means is said once. It is taken
 * in slices, shorter ones while the VM has pools: between two of them they replace workers that
 * died. */
#ifndef BINDINGS_CORE_WAITING_H
#define BINDINGS_CORE_WAITING_H

#include "state/lua_compat.h"
#include "state/vm.h"

/* Waits until `until` at the longest, without Lua and without the VM's lock. STATUS_TIMEOUT and
 * STATUS_INTERRUPTED: it is called again if time is left and the VM need not stop. */
typedef status (*wait_attempt)(void *context, deadline until);
/* `call` names the wait in traces. Meanwhile other threads of the VM, and maintenance, use what
 * belongs to the VM: what was encoded has to be taken over first (state/transfer.h). What the last
 * attempt said. STATUS_INTERRUPTED: the VM is to stop; -EDEADLK: a task that waited was cancelled;
 * clean up, then raise_if_stopped. Does not raise. */
MUST_CHECK status wait_for(lua_State *L, enum trace_call call, wait_attempt attempt, void *context,
                           deadline until) REQUIRES(rank_vm);
/* The same for waits beside which no task of this thread is to run: that of the loop itself
 * (async/loop.h), and that of a thread while another one runs the tasks. */
MUST_CHECK status wait_for_tasks(lua_State *L, enum trace_call call, wait_attempt attempt, void *context,
                                 deadline until) REQUIRES(rank_vm);
/* Raises if the wait ended because the VM is to stop, or the task that waited. [raises] */
void raise_if_stopped(lua_State *L, status st);
/* For handles of the serial world, where nobody else could end a wait without a timeout. [raises]
 */
void refuse_endless_wait(lua_State *L, deadline until, const char *method);

/* ---- for Lua --------------------------------------------------------------------------------- */

/* set_maintenance(f or nil): f is called between the slices of waits, to look after pools.
 * [-0, +0, memory] */
int waiting_set_maintenance(lua_State *L);
/* set_wait_pauser(f or nil): while the thread has tasks of the world `async`, a wait is a look and
 * f(seconds), again and again: f lets tasks of this thread run meanwhile. It raises if the task
 * that waits is cancelled. [-0, +0, memory] */
int waiting_set_pauser(lua_State *L);
/* set_busy(scheduler or nil): the calling thread has tasks, or has none any more. [-0, +0, memory]
 */
int waiting_set_busy(lua_State *L);
/* busy() → the scheduler of the calling thread and can_yield(); nothing: it has no tasks.
 * [-0, +0 or +2, memory] */
int waiting_busy(lua_State *L);
/* can_yield() → whether the caller is the coroutine of the task that runs, where it may yield.
 * [-0, +1, memory] */
int waiting_can_yield(lua_State *L);
/* make_way(): other threads of the VM run now if they have waited long enough. [-0, +0, raises] */
int waiting_make_way(lua_State *L) REQUIRES(rank_vm);

#endif
