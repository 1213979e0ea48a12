/* SPDX-License-Identifier: MIT */
/* coroutine.resume and coroutine.wrap, which record which coroutine of a VM runs; and others of that library.
 *
 * In PUC Lua a hook belongs to one coroutine, so a request (vm_interrupt.h) must be armed in the
 * coroutine that runs. These functions store it in vm_thread.running. A signal that arrives between
 * two coroutines would arm the wrong one, so a pending request is armed again after each switch.
 *
 * A worker of the world `threads` runs in a lua_State that is a coroutine to Lua. To scripts it is none, as the main one:
 * coroutine.running says so, and coroutine.yield raises what it raises there.
 *
 * The error of a stop ends the callers of a coroutine as well, as if no coroutine stood between.
 * The caller holds the VM lock.
 */
#ifndef STATE_COROUTINES_H
#define STATE_COROUTINES_H

#include <lua.h>

#include "state/vm_struct.h"

/* Replaces coroutine.resume, wrap, close, yield and running by the functions of this file. Does nothing on
 * LuaJIT, where the hook belongs to the VM. [-0, +0, raises] */
void vm_track_coroutines(lua_State *L);
/* (task) → nothing. For a task that is cancelled: closes the variables of the suspended coroutines that it began.
 * [-1, +0, raises] */
int coroutines_close(lua_State *L);
enum { COROUTINES_FAILED = -1 };
/* Moves the top `arguments` values to `co` and resumes it, for C code that runs Lua in a coroutine. How many results
 * are on top of L; or COROUTINES_FAILED, with the error on top. *state is that of lua_resume. A stop raises its error.
 * [-arguments, +n, raises if it is to stop] */
int coroutines_resume(lua_State *L, lua_State *co, int arguments, int *state);
/* Closes the variables of `co`, which is suspended or has failed. [-0, +0, does not raise] */
void coroutines_close_one(lua_State *L, lua_State *co);
/* At the end of a worker. One that was stopped closes the variables of the suspended coroutines that the
 * calling thread began, in the rest of its grace. Nothing before Lua 5.4, where none are to be closed.
 * [-0, +0, does not raise] */
void coroutines_end(lua_State *L, struct vm *vm, bool was_stopped);
/* coroutine.resume for tasks of the world `async`: until it returns, the task is the holder of the
 * locks that are acquired. [-n, +m, raises only for a wrong argument] */
int vm_resume_task(lua_State *L);

#endif
