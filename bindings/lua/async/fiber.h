/* SPDX-License-Identifier: MIT */
/* C stacks for Lua. Where a task of the world `async` waits and cannot yield, its C stack stays
 * as it is, and the other tasks run on another stack. Only async/fibers.lua, which owns the
 * handles, uses this. */
#ifndef BINDINGS_ASYNC_FIBER_H
#define BINDINGS_ASYNC_FIBER_H

#include "state/lua_compat.h"

/* fiber_new(co, home) → a handle, or nil and why. co is a coroutine that has not started: the first
 * switch calls its function, which returns the handle to switch to at its end. The owner of the
 * handle must keep a reference to co. Without co: a handle for the calling thread's own stack.
 * [-0, +1 or 2, raises] */
int fiber_new(lua_State *L);
/* fiber_switch(from, to): `from` is the stack on which the caller runs; both are of this thread.
 * Returns when another fiber switches back to `from`. [-0, +0, raises] */
int fiber_switch_call(lua_State *L);

#endif
