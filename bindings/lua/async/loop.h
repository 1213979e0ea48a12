/* SPDX-License-Identifier: MIT */
/* Where the tasks of the world `async` (async/async.lua) sleep when none of them can run: one poll
 * for all the descriptors they wait for, and one waker (shared/wakers.h) for everything else. What
 * runs when is decided in Lua; here is only the sleep.
 *
 * A Loop belongs to its VM; its callers hold the VM's lock, which is left during `sleep` alone. It
 * is closed by its collection.
 */
#ifndef BINDINGS_ASYNC_LOOP_H
#define BINDINGS_ASYNC_LOOP_H

#include "state/lua_compat.h"

/* loop_new() → a Loop; or nil and why */
int loop_new(lua_State *L);
/* wait_descriptor(fd, "r" or "w", timeout) → true; or nil and why. For callers outside of tasks. */
int wait_descriptor(lua_State *L);

#endif
