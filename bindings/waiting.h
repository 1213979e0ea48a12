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
/* `call` names the wait in traces. Meanwhile other threads of the VM, and the tender, use what belongs to the
 * VM: what was encoded has to be taken over first (state/transfer.h). What the last attempt said.
 * STATUS_INTERRUPTED: the VM is to stop; clean up, then raise_if_stopped. Does not raise. */
MUST_CHECK status wait_for(lua_State *L, enum trace_call call, wait_attempt attempt, void *context,
                           deadline until) REQUIRES(rank_vm);
/* Raises if the wait ended because the VM is to stop. [raises] */
void raise_if_stopped(lua_State *L, status st);
/* For handles of the serial world, where nobody else could end a wait without a timeout. [raises] */
void refuse_endless_wait(lua_State *L, deadline until, const char *method);

/* Who tends to the pools: a function in the registry under this key, or nil. */
#define WAIT_TENDER "manymoons.tender"

#endif
