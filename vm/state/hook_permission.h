/* SPDX-License-Identifier: MIT */
/* Letting a hook run where Lua lets none: in a finalizer, in another hook, and in a message handler of either.
 *
 * Lua clears a flag of the coroutine there (allowhook of lstate.h), so that a loop in such a function of a script could
 * neither be stopped nor make way for other threads. Setting the flag is harmless: Lua sets it itself when the function
 * ends, or restores what it was. The flag's place is found by comparing the memory of a coroutine in and out of a hook.
 * If it is not found, nothing changes. Not on LuaJIT, where the flag belongs to the VM.
 */
#ifndef STATE_HOOK_PERMISSION_H
#define STATE_HOOK_PERMISSION_H

#include "state/lua_compat.h"

/* Finds the place, once for the process. [-0, +0, memory] */
void hook_permission_prepare(lua_State *L);
/* Whether L is where no hook runs; false while the place is not known. Async-signal-safe. */
bool hook_permission_is_off(lua_State *L);
/* The next hook of `L` runs, wherever L is. On the thread that runs L. Async-signal-safe. */
void hook_permission_grant(lua_State *L);

#endif
