/* SPDX-License-Identifier: MIT */
/* coroutine.resume and wrap, which know which coroutine of a VM runs.
 *
 * In PUC Lua a hook belongs to one coroutine: a request (vm_interrupt.h) has to be armed in the one
 * that runs, which the thread notes here in `running`. A request that strikes between two
 * coroutines finds neither, so whatever is asked is armed again after each switch. With the VM's
 * lock held.
 */
#ifndef STATE_COROUTINES_H
#define STATE_COROUTINES_H

#include <lua.h>

/* Lets the VM know which of its coroutines runs: puts our coroutine.resume and wrap in the place of
 * Lua's. Not needed, and not done, on LuaJIT, where the hook belongs to the VM. [-0, +0, raises] */
void vm_track_coroutines(lua_State *L);
/* coroutine.resume for the tasks of the world `async`: until it returns, locks that are taken are
 * the task's. [-n, +m, raises only for a wrong argument] */
int vm_resume_task(lua_State *L);

#endif
