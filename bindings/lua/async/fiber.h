/* SPDX-License-Identifier: MIT */
/* C stacks for Lua: where a task of the world `async` cannot yield, its stack is left as it stands, and the
 * other tasks run on another one. Private to async/fibers.lua, which owns the handles. */
#ifndef BINDINGS_ASYNC_FIBER_H
#define BINDINGS_ASYNC_FIBER_H

#include "state/lua_compat.h"

/* fiber_new(co, home) → a handle, or nil and why. co is a coroutine that has not begun: the first
 * switch calls its function, which returns the handle to switch to when it ends; the holder of the
 * handle keeps co, too. Without co: the stack of the calling thread. */
int fiber_new(lua_State *L);
/* fiber_switch(from, to): from is the handle of the stack on which the caller runs. Both are of this thread.
 * Returns when somebody switches back. */
int fiber_switch_call(lua_State *L);

#endif
