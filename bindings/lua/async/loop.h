/* SPDX-License-Identifier: MIT */
/* The sleep of a scheduler (async/scheduler.lua) when none of its tasks can run: one poll for all
 * descriptors that tasks wait for, and one waker (shared/wakers.h) for everything else. The order
 * of tasks is decided in Lua.
 *
 * A Loop belongs to its VM and is used under the VM lock, which is released only during `sleep`.
 * Its finalizer closes it.
 */
#ifndef BINDINGS_ASYNC_LOOP_H
#define BINDINGS_ASYNC_LOOP_H

#include "state/lua_compat.h"

/* loop_new() → a Loop; or nil and why. [-0, +1 or 2, raises] */
int loop_new(lua_State *L);
/* wait_descriptor(fd, "r" or "w", timeout) → true; or nil and why. For callers outside of tasks.
 * [-0, +1 or 2, raises] */
int wait_descriptor(lua_State *L);

#endif
