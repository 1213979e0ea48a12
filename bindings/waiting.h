/* SPDX-License-Identifier: MIT */
/* How a script waits: the VM's lock is left, a stop ends the wait, and meanwhile pools are looked after.
 *
 * Every binding that may wait goes through wait_for, so what a wait means is said once. It is taken in
 * slices, shorter ones while the VM has pools: between two of them they replace workers that died.
 */
#ifndef BINDINGS_WAITING_H
#define BINDINGS_WAITING_H

#include "state/lua_compat.h"
#include "state/vm.h"

/* Waits until `until` at the longest, without Lua and without the VM's lock. STATUS_TIMEOUT and
 * STATUS_INTERRUPTED: it is called again if time is left and the VM need not stop. */
typedef status (*wait_attempt)(void *context, deadline until);
/* `call` names the wait in traces. Meanwhile other threads of the VM, and the tender, use what
 * belongs to the VM: what was encoded has to be taken over first (state/transfer.h). Returns what
 * the last attempt said. STATUS_INTERRUPTED: the VM is to stop; -EDEADLK: a task that waited was
 * cancelled; clean up, then raise_if_stopped. Does not raise. */
MUST_CHECK status wait_for(lua_State *L, enum trace_call call, wait_attempt attempt, void *context,
                           deadline until) REQUIRES(rank_vm);
/* The same for waits beside which no task of this thread is to run: that of the loop itself (loop.h), and
 * that of a thread while another one runs the tasks. */
MUST_CHECK status wait_for_tasks(lua_State *L, enum trace_call call, wait_attempt attempt, void *context,
                                 deadline until) REQUIRES(rank_vm);
/* Raises if the wait ended because the VM is to stop, or the task that waited. [raises] */
void raise_if_stopped(lua_State *L, status st);
/* For handles of the serial world, where nobody else could end a wait without a timeout. [raises] */
void refuse_endless_wait(lua_State *L, deadline until, const char *method);

/* Maintains the pools: a function in the registry under this key, or nil. */
#define WAIT_TENDER "manymoons.tender"

/* While there are tasks of the world `async`, a wait is a look and pause(seconds), again and again: pause
 * lets tasks of this thread run meanwhile. A function in the registry under this key, or nil. It raises if
 * the task that waits is cancelled. */
#define WAIT_PAUSER  "manymoons.pauser"
#define WAIT_REFUSAL "manymoons.refusal" /* what it raised, until raise_if_stopped */

#endif
